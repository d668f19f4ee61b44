// Compiled code on disk, so that a start does not compile.
//
// What is read is run, so only what this user has written is read: the directory and each file must
// belong to the effective user and be writable by nobody else, no link is followed, and a file's
// checksum must fit. Anything else counts as not there. Without a directory it works, too: nothing
// is found, nothing is kept.
//
// Owner: the Runtime. Thread: any; also several processes at once (files are written beside and
// renamed).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wasm {

class Cache {
 public:
  /// All files together take at most about this much; what was not used for longest goes first.
  static constexpr std::uint64_t kMaxBytes = 256UL * 1024 * 1024;

  /// Empty = $CACHE_DIRECTORY (set by systemd, also to a link), $XDG_CACHE_HOME/holdfast or
  /// $HOME/.cache/holdfast; "none" = none. Made if it is not there, with mode 0700.
  explicit Cache(const std::filesystem::path& directory);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// `key`: a file name, see digest.hpp.
  [[nodiscard]] std::optional<std::string> load(const std::string& key) const;
  void store(const std::string& key, std::string_view bytes) const;
  [[nodiscard]] bool usable() const noexcept { return directory_ >= 0; }

 private:
  void make_room() const;

  int directory_ = -1;  ///< Descriptor.
  std::string path_;
};

}  // namespace holdfast::wasm

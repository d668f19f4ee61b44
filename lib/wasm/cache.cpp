#include "wasm/cache.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

#include "base/log.hpp"
#include "wasm/digest.hpp"

namespace holdfast::wasm {
namespace {

constexpr std::string_view kMagic = "holdfast-cwasm-1";
constexpr std::size_t kHead = kMagic.size() + sizeof(Digest);
constexpr std::string_view kSuffix = ".cwasm";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::time_t kTemporaryLife =
    3'600;  ///< Seconds; what a process that died has left is older.

class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return value_; }
  [[nodiscard]] bool valid() const noexcept { return value_ >= 0; }

 private:
  int value_;
};

void log_debug(const std::string& message) {
  base::log(base::Component::wasm, base::LogLevel::debug, message);
}

std::filesystem::path default_directory() {
  if (const char* systemd = std::getenv("CACHE_DIRECTORY"); systemd != nullptr && *systemd == '/') {
    const std::string_view all = systemd;  // Several are separated by ':'.
    const std::filesystem::path given = all.substr(0, all.find(':'));
    // With DynamicUser= it is a link, root's, to a directory below /var/cache/private.
    std::error_code failed;
    const std::filesystem::path real = std::filesystem::canonical(given, failed);
    return failed ? given : real;
  }
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/') {
    return std::filesystem::path(xdg) / "holdfast";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return std::filesystem::path(home) / ".cache/holdfast";
  }
  return {};
}

/// With mode 0700, parents too, as the XDG specification asks for.
void make_directories(const std::filesystem::path& path) {
  std::filesystem::path prefix;
  for (const std::filesystem::path& part : path) {
    prefix /= part;
    ::mkdir(prefix.c_str(), 0700);
  }
}

bool is_ours(const struct stat& status) noexcept {
  return status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool read_all(int descriptor, char* to, std::size_t size) {
  while (size != 0) {
    const ssize_t got = ::read(descriptor, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

Cache::Cache(const std::filesystem::path& directory) {
  if (directory == "none") return;
  const std::filesystem::path wanted = directory.empty() ? default_directory() : directory;
  if (wanted.empty()) {
    log_debug(
        "no cache of compiled plugins: neither CACHE_DIRECTORY, XDG_CACHE_HOME nor HOME is set");
    return;
  }
  path_ = wanted.string();
  make_directories(wanted);
  const int opened = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat status {};
  if (opened < 0 || ::fstat(opened, &status) != 0) {
    log_debug("no cache of compiled plugins: " + path_ + ": " + std::strerror(errno));
  } else if (!is_ours(status)) {
    log_debug("no cache of compiled plugins: " + path_ +
              " is another user's, or others may write there");
  } else {
    directory_ = opened;
    return;
  }
  if (opened >= 0) ::close(opened);
}

Cache::~Cache() {
  if (directory_ >= 0) ::close(directory_);
}

std::optional<std::string> Cache::load(const std::string& key) const {
  if (!usable()) return std::nullopt;
  const std::string name = key + std::string(kSuffix);
  const Descriptor file(
      ::openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || !is_ours(status)) {
    log_debug(path_ + "/" + name + " is not taken: another user's, or others may write it");
    return std::nullopt;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::array<char, kHead> head;
  if (size < kHead || size > kMaxBytes || !read_all(file.get(), head.data(), head.size())) {
    log_debug(path_ + "/" + name + " is not taken: damaged");
    return std::nullopt;
  }
  std::string bytes(size - kHead, '\0');
  Digest expected;
  std::memcpy(expected.data(), head.data() + kMagic.size(), sizeof expected);
  if (std::string_view(head.data(), kMagic.size()) != kMagic ||
      !read_all(file.get(), bytes.data(), bytes.size()) || digest_parts({key, bytes}) != expected) {
    log_debug(path_ + "/" + name + " is not taken: damaged");
    return std::nullopt;
  }
  ::futimens(file.get(), nullptr);  // Used now: make_room() goes by this.
  return bytes;
}

void Cache::store(const std::string& key, std::string_view bytes) const {
  if (!usable() || bytes.size() > kMaxBytes / 2) return;
  static std::atomic<unsigned> number{0};
  const std::string name = key + std::string(kSuffix);
  const std::string temporary = key + "." + std::to_string(::getpid()) + "." +
                                std::to_string(number++) + std::string(kTemporary);
  const Descriptor file(::openat(directory_, temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) {
    log_debug("compiled code is not kept: " + path_ + "/" + temporary + ": " +
              std::strerror(errno));
    return;
  }
  const Digest sum = digest_parts({key, bytes});
  const std::string_view sum_bytes(reinterpret_cast<const char*>(sum.data()), sum.size());
  if (!write_all(file.get(), kMagic) || !write_all(file.get(), sum_bytes) ||
      !write_all(file.get(), bytes) ||
      ::renameat(directory_, temporary.c_str(), directory_, name.c_str()) != 0) {
    log_debug("compiled code is not kept: " + path_ + "/" + name + ": " + std::strerror(errno));
    ::unlinkat(directory_, temporary.c_str(), 0);
    return;
  }
  make_room();
}

void Cache::make_room() const {
  struct Entry {
    std::time_t used;
    std::uint64_t size;
    std::string name;
  };
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(
      ::fdopendir(::openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), ::closedir);
  if (!listing) return;
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  const std::time_t now = std::time(nullptr);
  while (const dirent* found = ::readdir(listing.get())) {
    const std::string_view name = found->d_name;
    struct stat status {};
    if (::fstatat(directory_, found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    if (name.ends_with(kTemporary)) {
      if (now - status.st_mtime > kTemporaryLife) ::unlinkat(directory_, found->d_name, 0);
    } else if (name.ends_with(kSuffix)) {
      entries.push_back(
          {status.st_mtime, static_cast<std::uint64_t>(status.st_size), std::string(name)});
      total += entries.back().size;
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= kMaxBytes) return;
    ::unlinkat(directory_, entry.name.c_str(), 0);
    total -= entry.size;
  }
}

}  // namespace holdfast::wasm

#include "wasm/foreign.hpp"

#include <zlib.h>

#include <algorithm>

namespace holdfast::wasm {
namespace {

using Time = std::chrono::steady_clock::time_point;

/// So much is taken in or put out between two looks at the clock: some milliseconds at most.
constexpr std::size_t kStep = 256UL * 1024;

/// zlib's stream over `input`; what is behind `out` grows as it is written.
class Stream {
 public:
  Stream(std::string_view input, std::string& out) : rest_(input), out_(out) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] z_stream& zlib() noexcept { return zlib_; }
  /// The next bytes of the input, once those before are taken. True: there are no others.
  bool feed() noexcept {
    if (zlib_.avail_in == 0) {
      const std::string_view piece = rest_.substr(0, kStep);
      rest_.remove_prefix(piece.size());
      zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
      zlib_.avail_in = static_cast<uInt>(piece.size());
    }
    return rest_.empty();
  }
  /// Room for the next step, `most` bytes in all. False: there is none left.
  bool make_room(std::size_t most) {
    const std::size_t room = std::min(kStep, most - used_);
    if (out_.size() < used_ + room)
      out_.resize(std::min(most, std::max(out_.size() * 2, used_ + room)));
    zlib_.next_out = reinterpret_cast<Bytef*>(out_.data() + used_);
    zlib_.avail_out = static_cast<uInt>(room);
    return room != 0;
  }
  void take_output() noexcept { used_ = static_cast<std::size_t>(next_out() - out_.data()); }
  void finish() { out_.resize(used_); }

 private:
  [[nodiscard]] const char* next_out() const noexcept {
    return reinterpret_cast<const char*>(zlib_.next_out);
  }
  std::string_view rest_;
  std::string& out_;
  std::size_t used_ = 0;
  z_stream zlib_{};
};

/// `step`: deflate() or inflate() with the flush that says whether all input is there.
template <class Step>
Status run(Stream& stream, std::size_t most, Time until, Step step) {
  for (;;) {
    if (std::chrono::steady_clock::now() > until) return Status::internal_failure;
    const bool all = stream.feed();
    const bool room = stream.make_room(most);
    const int result = step(stream.zlib(), all);
    stream.take_output();
    if (result == Z_STREAM_END) break;
    const bool stuck = result == Z_BUF_ERROR && (all || !room);
    if ((result != Z_OK && result != Z_BUF_ERROR) || stuck) return Status::serialization_failure;
  }
  stream.finish();
  return Status::ok;
}

Status compress_zlib(std::string_view input, Time until, std::string& out) {
  Stream stream(input, out);
  if (deflateInit(&stream.zlib(), Z_DEFAULT_COMPRESSION) != Z_OK) return Status::internal_failure;
  const std::size_t most = compressBound(static_cast<uLong>(input.size()));
  const Status status = run(stream, most, until, [](z_stream& zlib, bool all) {
    return deflate(&zlib, all ? Z_FINISH : Z_NO_FLUSH);
  });
  deflateEnd(&stream.zlib());
  return status;
}

Status uncompress_zlib(std::string_view input, std::size_t most, Time until, std::string& out) {
  Stream stream(input, out);
  if (inflateInit(&stream.zlib()) != Z_OK) return Status::internal_failure;
  const Status status = run(
      stream, most, until, [](z_stream& zlib, bool /*all*/) { return inflate(&zlib, Z_NO_FLUSH); });
  inflateEnd(&stream.zlib());
  return status;
}

}  // namespace

Status call_foreign(std::string_view name, std::string_view input, std::size_t most,
                    std::string& out, std::chrono::steady_clock::time_point until) {
  out.clear();
  Status status = Status::not_found;
  if (name == "compress") status = compress_zlib(input, until, out);
  if (name == "uncompress") status = uncompress_zlib(input, most, until, out);
  if (status != Status::ok) out.clear();
  return status;
}

}  // namespace holdfast::wasm

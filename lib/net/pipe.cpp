#include "net/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace holdfast::net {
namespace {
constexpr int kCapacity = 256 * 1024;
}

std::unique_ptr<Pipe> Pipe::make() noexcept {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  ::fcntl(ends[0], F_SETPIPE_SZ, kCapacity);  // Refused: it holds less.
  return std::unique_ptr<Pipe>(new Pipe(ends[0], ends[1]));
}

Pipe::~Pipe() {
  ::close(read_end_);
  ::close(write_end_);
}

std::unique_ptr<Pipe> PipePool::take() noexcept {
  if (out_ == kMost) return nullptr;
  std::unique_ptr<Pipe> pipe = spare_ != nullptr ? std::move(spare_) : Pipe::make();
  if (pipe != nullptr) ++out_;
  return pipe;
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe, bool empty) noexcept {
  --out_;
  if (empty && spare_ == nullptr) spare_ = std::move(pipe);
}

}  // namespace holdfast::net

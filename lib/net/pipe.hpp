// A pipe through which bytes go from one socket to another without being copied (splice(2)).
//
// Owner: the Stream whose bytes it holds; between uses the Reactor keeps an empty one. Thread:
// the worker's.
#pragma once

#include <cstddef>
#include <memory>

namespace holdfast::net {

class Pipe {
 public:
  /// Null: no descriptors left.
  [[nodiscard]] static std::unique_ptr<Pipe> make() noexcept;
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] int read_end() const noexcept { return read_end_; }
  [[nodiscard]] int write_end() const noexcept { return write_end_; }

 private:
  Pipe(int read_end, int write_end) noexcept : read_end_(read_end), write_end_(write_end) {}
  const int read_end_;
  const int write_end_;
};

/// The pipes of one worker: so many that slow readers can't use up the descriptors, and no more
/// than a user without privileges may enlarge (pipe(7), pipe-user-pages-soft).
class PipePool {
 public:
  /// Null: all are in use, or there are no descriptors left.
  [[nodiscard]] std::unique_ptr<Pipe> take() noexcept;
  /// `empty`: it may be used again.
  void give_back(std::unique_ptr<Pipe> pipe, bool empty) noexcept;

 private:
  static constexpr std::size_t kMost = 64;
  std::unique_ptr<Pipe> spare_;  ///< One is enough while nobody reads slowly.
  std::size_t out_ = 0;
};

}  // namespace holdfast::net

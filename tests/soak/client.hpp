// A client of the soak test: asks on one connection, reads answers strictly, keeps the books.
//
// Owner: the visit that uses it. Thread: the program's only one. A visit that lasts too long is cut
// off and complained about: nothing may hang.
#pragma once

#include <memory>
#include <random>

#include "ledger.hpp"
#include "wire.hpp"

namespace holdfast::soak {

/// Where the daemon listens.
struct Ports {
  std::uint16_t main = 0;
  std::uint16_t held_for_ever = 0;  ///< Its side requests are never answered.
  std::uint16_t held = 0;           ///< Of N = 0; N = 1 is the next one, up to kMostCalls.
};
inline constexpr unsigned kMostCalls = 20;

struct World {
  asio::any_io_executor executor;
  Ports ports;
  Ledger ledger;
  std::chrono::steady_clock::time_point end;
  milliseconds patience{30'000};

  [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= end; }
};

struct Ask {
  Kind kind = Kind::get;
  std::string target = "/ok";
  std::string_view method = "GET";
  std::size_t body = 0;  ///< Of the request.
  bool chunked = false;
  bool close = false;
};

struct Answer {
  unsigned status = 0;  ///< 0: none.
  bool whole = false;
  bool close = false;
  std::string head;
};

class Client {
 public:
  Client(World& world, Kind kind)
      : world_(world), kind_(kind), wire_(tcp::socket(world.executor)), watch_(world.executor) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { *alive_ = false; }

  /// `receive_buffer`: a small one makes a reader that backs up soon.
  awaitable<bool> connect(std::uint16_t port, int receive_buffer = 0);
  [[nodiscard]] Wire& wire() { return wire_; }
  /// The head of `ask` under a new id.
  [[nodiscard]] std::string head_of(const Ask& ask, std::uint32_t& id);
  /// Send one request, read its answer, enter it. False: no more on this connection.
  awaitable<bool> ask(const Ask& ask);
  awaitable<bool> send_body(const Ask& ask);
  awaitable<Answer> read_answer(bool to_head);
  /// Enter what came for `id`; complains about what may not come for its kind.
  bool enter(std::uint32_t id, Kind kind, const Answer& answer);
  /// Leave, as rude as `reset` says.
  void leave(bool reset);
  void complain(std::string_view what) { world_.ledger.complain(kind_, what); }

 private:
  awaitable<bool> read_body(const Answer& answer, bool to_head);

  World& world_;
  Kind kind_;
  Wire wire_;
  asio::steady_timer watch_;
  /// For the watch's handler, which may be on its way already when this dies.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::soak

#include "client.hpp"

#include <algorithm>
#include <vector>

namespace holdfast::soak {
namespace {

/// What may come for a request of each kind; any other end of it is a finding.
struct Expectation {
  std::vector<unsigned> statuses;
  bool may_be_cut = false;
};

Expectation expected(Kind kind) {
  switch (kind) {
    case Kind::churn:
      return {{200, 502, 503}, true};
    case Kind::dns:  // Whoever leaves the name is still there: no request may break.
      return {{200, 503}};
    case Kind::reset:
      return {{503}};
    case Kind::half_head:
    case Kind::garbage:
    case Kind::surplus:  // One segment brings it all, before anything has gone down.
      return {{502}};
    case Kind::half:
      return {{200, 502}, true};
    case Kind::never:
      return {{504}};
    case Kind::no_route:
      return {{404}};
    case Kind::malformed:
      return {{400}};
    case Kind::late_head:
      return {{408}};
    default:
      return {{200}};
  }
}

}  // namespace

awaitable<bool> Client::connect(std::uint16_t port, int receive_buffer) {
  tcp::socket& socket = wire_.socket();
  socket.open(tcp::v4());
  socket.set_option(tcp::no_delay(true));
  if (receive_buffer != 0) {
    socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
  }
  const auto [error] = co_await socket.async_connect(
      tcp::endpoint(asio::ip::address_v4::loopback(), port), kAsValues);
  if (error) {
    complain("cannot connect: " + error.message());
    co_return false;
  }
  watch_.expires_after(world_.patience);
  watch_.async_wait([this, alive = alive_](const boost::system::error_code& stopped) {
    if (stopped || !*alive) return;
    complain("no end within " + std::to_string(world_.patience.count()) + " ms");
    wire_.close();
  });
  co_return true;
}

std::string Client::head_of(const Ask& ask, std::uint32_t& id) {
  id = world_.ledger.open(ask.kind);
  std::string head(ask.method);
  head.append(" ").append(ask.target).append(" HTTP/1.1\r\nHost: soak.test\r\nX-Id: ");
  head.append(std::to_string(id)).append("\r\n");
  if (ask.chunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  } else if (ask.method == "POST") {
    head.append("Content-Length: ").append(std::to_string(ask.body)).append("\r\n");
  }
  if (ask.close) head.append("Connection: close\r\n");
  return head.append("\r\n");
}

awaitable<bool> Client::send_body(const Ask& ask) {
  constexpr std::size_t kPiece = 10'000;
  for (std::size_t at = 0; at < ask.body;) {
    const std::size_t size = std::min(kPiece, ask.body - at);
    std::string piece;
    if (ask.chunked) {
      std::array<char, 20> text;
      const int n = std::snprintf(text.data(), text.size(), "%zx\r\n", size);
      piece.append(text.data(), static_cast<std::size_t>(n));
    }
    kPattern.append(piece, at, size);
    if (ask.chunked) piece.append("\r\n");
    if (!co_await wire_.write(piece)) co_return false;
    at += size;
  }
  if (ask.chunked) co_return co_await wire_.write("0\r\n\r\n");
  co_return true;
}

awaitable<bool> Client::read_body(const Answer& answer, bool to_head) {
  if (to_head || answer.status == 204 || answer.status == 304) co_return true;
  const bool check = field(answer.head, "x-body").has_value();
  bool whole = false;
  if (field(answer.head, "transfer-encoding")) {
    whole = (co_await wire_.skip_chunks(check)).has_value();
  } else if (const auto length = field(answer.head, "content-length")) {
    whole = co_await wire_.skip(number(*length), 0, check);
  } else {
    complain("an answer without framing");
  }
  if (wire_.garbled()) complain("a body with wrong bytes");
  co_return whole;
}

awaitable<Answer> Client::read_answer(bool to_head) {
  Answer answer;
  auto head = co_await wire_.read_until("\r\n\r\n");
  if (!head) co_return answer;
  answer.head = std::move(*head);
  if (!answer.head.starts_with("HTTP/1.1 ")) complain("no status line: " + answer.head);
  answer.status = static_cast<unsigned>(number(std::string_view(answer.head).substr(9, 3)));
  answer.close = field(answer.head, "connection") == "close";
  answer.whole = co_await read_body(answer, to_head);
  co_return answer;
}

bool Client::enter(std::uint32_t id, Kind kind, const Answer& answer) {
  const Outcome outcome = answer.whole         ? Outcome::answered
                          : answer.status != 0 ? Outcome::cut
                                               : Outcome::open;
  world_.ledger.close(id, outcome, answer.status);
  const Expectation may = expected(kind);
  if (outcome == Outcome::open) {
    complain("request " + std::to_string(id) + " got no answer");
  } else if (std::ranges::find(may.statuses, answer.status) == may.statuses.end()) {
    complain("request " + std::to_string(id) + " got " + answer.head);
  } else if (outcome == Outcome::cut && !may.may_be_cut) {
    complain("the answer to request " + std::to_string(id) + " broke off");
  }
  return answer.whole && !answer.close;
}

awaitable<bool> Client::ask(const Ask& ask) {
  std::uint32_t id = 0;
  const std::string head = head_of(ask, id);
  // A refusal may come before the body has been taken: then writing fails, and reading tells.
  if (co_await wire_.write(head)) co_await send_body(ask);
  co_return enter(id, ask.kind, co_await read_answer(ask.method == "HEAD"));
}

void Client::leave(bool reset) {
  if (reset) {
    wire_.reset();
  } else {
    wire_.close();
  }
}

}  // namespace holdfast::soak

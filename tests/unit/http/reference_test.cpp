// What the reader takes, Beast's parser takes, and both see the same. (Not the other way round:
// docs/adr/0005 lists what Beast takes.)
#include <random>
#include <string>

#include "beast_reference.hpp"
#include "catch.hpp"

namespace holdfast::http {
namespace {

const char* const kRequests[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nPOST /p?q=%41 HTTP/1.1\r\nhost: a.example:8080\r\nContent-Length: 007\r\n\r\nabc",
    "PUT http://a.example/x HTTP/1.1\r\nHOST:b\r\nTransfer-Encoding:\tchunked \r\nTE: "
    "trailers\r\n\r\n",
    "GET /0123456789abcdef0123456789abcdef HTTP/1.0\r\nConnection: keep-alive, , x\r\nHost: "
    "[::1]:1\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\nX_under|score: \xc3\xa4\t \r\nA:\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\nproxy-connection: "
    "close\r\n\r\n",
    "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nExpect: 100-continue\r\n\r\n",
};
const char* const kResponses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nServer: s\r\n\r\nhello\n",
    "HTTP/1.0 404\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 204 \r\nX-Envoy-Upstream-Service-Time: 0\r\n\r\n",
    "HTTP/1.1 200 A \xff reason\r\ntransfer-encoding: Chunked\r\nset-cookie: a=b; "
    "c\r\nSet-Cookie:\t\r\n\r\n",
};

/// One to three bytes changed, taken out, put in or doubled: mostly those that mean something.
std::string mutated(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "\r\n\t :,;/%#@[]\"=\\^`~_-+.\x01\x1f\x7f\x80\xff 019AZaz";
  for (auto i = random() % 3 + 1; i > 0; --i) {
    const std::size_t at = random() % text.size();
    const char byte = kBytes[random() % kBytes.size()];
    switch (random() % 4) {
      case 0:
        text[at] = byte;
        break;
      case 1:
        text.erase(at, 1);
        break;
      case 2:
        text.insert(at, 1, byte);
        break;
      default:
        text.insert(at, text.substr(at, random() % 20));
        break;
    }
  }
  return text;
}

template <bool is_request, std::size_t size>
void compare(const char* const (&heads)[size]) {
  constexpr int kMutations = 20'000;
  const HeadLimits limits{.accept_http_10 = true};
  std::mt19937 random(20261125);
  int taken = 0;
  for (const char* head : heads) {
    INFO(head);
    CHECK(difference_from_beast<is_request>(head, limits).empty());
    CHECK(read_with_ours<is_request>(std::string_view(head).substr(*head == '\r' ? 2 : 0)) !=
          "refused");
    for (int i = 0; i < kMutations; ++i) {
      const std::string other = mutated(head, random);
      const std::string difference = difference_from_beast<is_request>(other, limits);
      if (!difference.empty()) FAIL_CHECK(other << "\n" << difference);
      taken += read_with_ours<is_request>(other) == "refused" ? 0 : 1;
    }
  }
  CHECK(taken > kMutations / 10);  // Else nothing was compared.
}

TEST_CASE("requests are read as Beast reads them, or refused", "[http]") {
  compare<true>(kRequests);
}

TEST_CASE("responses are read as Beast reads them, or refused", "[http]") {
  compare<false>(kResponses);
}

}  // namespace
}  // namespace holdfast::http

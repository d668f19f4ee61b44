// Bodies, byte for byte: each case is fed whole, one byte at a time, and split in two at each
// point.
#include "http/body_decoder.hpp"

#include <string>
#include <vector>

#include "catch.hpp"

namespace holdfast::http {
namespace {

struct Result {
  std::string body;
  std::size_t consumed = 0;
  bool error = false;
  bool done = false;
};

/// Feed `pieces` one after the other, as a connection does: bytes not consumed end the body.
Result feed(BodyDecoder& decoder, const std::vector<std::string>& pieces) {
  Result result;
  for (std::string piece : pieces) {
    if (decoder.done()) break;
    const BodyDecoder::Step step = decoder.decode({piece.data(), piece.size()});
    result.body.append(piece.data(), step.length);
    result.consumed += step.consumed;
    result.error = step.error;
    CHECK(step.length <= step.consumed);
    CHECK((step.error || decoder.done() || step.consumed == piece.size()));
    if (step.error) break;
  }
  result.done = decoder.done();
  return result;
}

std::vector<std::vector<std::string>> all_feeds(const std::string& bytes) {
  std::vector<std::vector<std::string>> feeds{{bytes}, {}};
  for (const char c : bytes) feeds.back().emplace_back(1, c);
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    feeds.push_back({bytes.substr(0, i), bytes.substr(i)});
  }
  return feeds;
}

struct Case {
  const char* source;
  std::string bytes;
  const char* body;  ///< Null: broken framing.
};

void run(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    INFO(c.source << ": " << c.bytes);
    for (const auto& pieces : all_feeds(c.bytes)) {
      BodyDecoder decoder;
      decoder.start(Framing::chunked, 0);
      const Result result = feed(decoder, pieces);
      CHECK(result.error == (c.body == nullptr));
      CHECK(result.done == (c.body != nullptr));
      if (c.body != nullptr) {
        CHECK(result.body == c.body);
        CHECK(result.consumed == c.bytes.size());
      }
    }
  }
}

TEST_CASE("chunked bodies", "[http]") {
  run({
      {"RFC 9112 7.1", "0\r\n\r\n", ""},
      {"RFC 9112 7.1", "3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"RFC 9112 7.1", "3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n", "abcdef"},
      {"RFC 9112 7.1: data may look like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
       "0\r\n\r\n\r\n"},
      {"RFC 9112 7.1: hex of either case", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
       "01234567890123456789a"},
      {"RFC 9112 7.1: leading zeros", "0003\r\nabc\r\n000\r\n\r\n", "abc"},
      {"16 digits are the limit", "0000000000000003\r\nabc\r\n0\r\n\r\n", "abc"},
      {"17 digits", "00000000000000003\r\nabc\r\n0\r\n\r\n", nullptr},
      {"size overflow", "10000000000000000\r\n", nullptr},
      {"size overflow", "fffffffffffffffff\r\n", nullptr},
      {"RFC 9112 7.1", "\r\n", nullptr},
      {"RFC 9112 7.1", "g\r\n", nullptr},
      {"RFC 9112 7.1", "0x3\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", "+3\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", "-3\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", " 3\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", "3 \r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", "3\t\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", "3 3\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1", "3_\r\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 2.2: bare LF", "3\nabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 2.2: bare LF", "3\r\nabc\n0\r\n\r\n", nullptr},
      {"RFC 9112 2.2: bare LF", "0\n\r\n", nullptr},
      {"RFC 9112 2.2: bare LF", "0\r\n\n", nullptr},
      {"RFC 9112 2.2: bare CR", "3\rabc\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 2.2: bare CR", "3\r\nabc\r0\r\n\r\n", nullptr},
      {"RFC 9112 2.2: bare CR", "0\r\n\rx", nullptr},
      {"RFC 9112 7.1: junk after the data", "3\r\nabcd\r\n0\r\n\r\n", nullptr},
      {"RFC 9112 7.1: data too short", "4\r\nabc\r\n0\r\n\r\n", nullptr},
  });
}

TEST_CASE("chunk extensions are checked and dropped", "[http]") {
  const auto with = [](const std::string& extension) {
    return "3" + extension + "\r\nabc\r\n0" + extension + "\r\n\r\n";
  };
  run({
      {"RFC 9112 7.1.1", with(";a"), "abc"},
      {"RFC 9112 7.1.1", with(";a=b"), "abc"},
      {"RFC 9112 7.1.1", with(";a;b=c;d"), "abc"},
      {"RFC 9112 7.1.1: BWS", with(" ; a = b ;\tc"), "abc"},
      {"RFC 9112 7.1.1: quoted", with(";a=\"b c\\\"d;=\\\\\""), "abc"},
      {"RFC 9112 7.1.1: quoted", with(";a=\"\";b"), "abc"},
      {"RFC 9110 5.6.4: obs-text", with(";a=\"\xe9\""), "abc"},
      {"RFC 9112 7.1.1", with(";"), nullptr},
      {"RFC 9112 7.1.1", with(";;a"), nullptr},
      {"RFC 9112 7.1.1", with(";a="), nullptr},
      {"RFC 9112 7.1.1", with(";=b"), nullptr},
      {"RFC 9112 7.1.1", with(";a=b=c"), nullptr},
      {"RFC 9112 7.1.1", with(";a b"), nullptr},
      {"RFC 9112 7.1.1", with(";a "), nullptr},
      {"RFC 9112 7.1.1", with(";a=b "), nullptr},
      {"RFC 9112 7.1.1", with(" a"), nullptr},
      {"RFC 9112 7.1.1", with(";a=\"b\"c"), nullptr},
      {"RFC 9112 7.1.1: unfinished quote", with(";a=\"b"), nullptr},
      {"bare LF in an extension (TERM.EXT)", "3;a\nb\r\nabc\r\n0\r\n\r\n", nullptr},
      {"bare LF in an extension (TERM.EXT)", "3;\nabc\r\n0\r\n\r\n", nullptr},
      {"bare LF in a quoted extension", "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", nullptr},
      {"bare CR in a quoted extension", "3;a=\"\r\"\r\nabc\r\n0\r\n\r\n", nullptr},
      {"CR behind a backslash", "3;a=\"\\\r\n\"\r\nabc\r\n0\r\n\r\n", nullptr},
      {"bare CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", nullptr},
      {"CTL", with(";a\x01"), nullptr},
      {"8-bit outside quotes", with(";a\xe9"), nullptr},
  });
}

TEST_CASE("trailers are checked and dropped", "[http]") {
  run({
      {"RFC 9112 7.1.2", "0\r\nx: 1\r\n\r\n", ""},
      {"RFC 9112 7.1.2", "3\r\nabc\r\n0\r\na:\r\nb: c d\t\xe9\r\n\r\n", "abc"},
      {"RFC 9110 6.5.1", "0\r\nDigest: x\r\nServer-Timing: y\r\ngrpc-status: 0\r\n\r\n", ""},
      {"RFC 9110 6.5.1: framing", "0\r\nContent-Length: 5\r\n\r\n", nullptr},
      {"RFC 9110 6.5.1: framing", "0\r\nx: 1\r\ntransfer-encoding:\r\n\r\n", nullptr},
      {"RFC 9110 6.5.1: routing", "0\r\nHOST: evil\r\n\r\n", nullptr},
      {"RFC 9110 6.5.1: routing", "0\r\nX-Forwarded-Anything-That-Is-Long: 1\r\n\r\n", nullptr},
      {"RFC 9110 6.5.1: authentication", "0\r\nProxy-Authorization: 1\r\n\r\n", nullptr},
      {"RFC 9110 6.5.1: only whole names", "0\r\nhosts: 1\r\nhos: 1\r\nx-host: 1\r\n\r\n", ""},
      {"RFC 9110 6.5.1: only whole names", "0\r\nproxy-authorizations: 1\r\n\r\n", ""},
      {"RFC 9110 6.5.1: only whole names", "0\r\nproxy-authorization-x: 1\r\n\r\n", ""},
      {"RFC 9110 6.5.1: only whole names", "0\r\nx-forwarded: 1\r\n\r\n", ""},
      {"RFC 9112 5.1", "0\r\nx : 1\r\n\r\n", nullptr},
      {"RFC 9112 5.1", "0\r\n: 1\r\n\r\n", nullptr},
      {"RFC 9112 5", "0\r\nxyz\r\n\r\n", nullptr},
      {"RFC 9112 5.2: obs-fold", "0\r\nx: 1\r\n y\r\n\r\n", nullptr},
      {"RFC 9112 2.2: bare LF", "0\r\nx: 1\n\r\n", nullptr},
      {"RFC 9112 2.2: bare CR", "0\r\nx: 1\ry\r\n\r\n", nullptr},
      {"RFC 9110 5.5: CTL", "0\r\nx: \x01\r\n\r\n", nullptr},
      {"RFC 9110 5.5: CTL", "0\r\nx: \x7f\r\n\r\n", nullptr},
      {"a request where trailers belong", "0\r\nGET / HTTP/1.1\r\n\r\n", nullptr},
  });
}

TEST_CASE("trailers are kept where they are wanted", "[http]") {
  using Fields = Trailers::Fields;
  const auto read = [](const std::string& bytes, std::size_t piece, Trailers& trailers) {
    BodyDecoder decoder;
    decoder.start(Framing::chunked, 0, &trailers);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      std::string part = bytes.substr(at, piece);
      if (decoder.decode({part.data(), part.size()}).error) return false;
    }
    return decoder.done();
  };
  const std::string bytes = "1\r\nx\r\n0\r\nX-T: a b \t\r\ny:\r\nx-t:c\r\n\r\n";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Trailers trailers;
    REQUIRE(read(bytes, piece, trailers));
    CHECK(trailers.present());
    CHECK(trailers.fields() == Fields{{"x-t", "a b"}, {"y", ""}, {"x-t", "c"}});
    CHECK(trailers.last_chunk() == "0\r\nx-t: a b\r\ny: \r\nx-t: c\r\n\r\n");
  }
  Trailers none;
  CHECK(read("1\r\nx\r\n0\r\n\r\n", 1, none));
  CHECK_FALSE(none.present());
  std::string many = "0\r\n";
  for (std::size_t i = 0; i < Trailers::kMaxFields; ++i) many += "a:\r\n";
  Trailers most;
  CHECK(read(many + "\r\n", 1'000, most));
  Trailers more;
  CHECK_FALSE(read(many + "a:\r\n\r\n", 1'000, more));
  Trailers bad;
  CHECK_FALSE(read("0\r\ncontent-length: 1\r\n\r\n", 1, bad));
}

TEST_CASE("what follows the body is left alone", "[http]") {
  BodyDecoder decoder;
  decoder.start(Framing::chunked, 0);
  std::string bytes = "1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
  BodyDecoder::Step step = decoder.decode({bytes.data(), bytes.size()});
  CHECK(decoder.done());
  CHECK(step.consumed == 11);
  CHECK(bytes.substr(0, step.length) == "x");
  CHECK(bytes.substr(step.consumed) == "GET / HTTP/1.1\r\n");

  decoder.start(Framing::content_length, 3);
  bytes = "abcGET";
  CHECK_FALSE(decoder.done());
  CHECK(decoder.remaining() == 3);
  step = decoder.decode({bytes.data(), 2});
  CHECK(step.consumed == 2);
  CHECK(decoder.remaining() == 1);
  step = decoder.decode({bytes.data() + 2, bytes.size() - 2});
  CHECK(step.consumed == 1);
  CHECK(step.length == 1);
  CHECK(decoder.done());
  step = decoder.decode({bytes.data() + 3, 3});
  CHECK(step.consumed == 0);
  CHECK_FALSE(step.error);
}

TEST_CASE("bodies that end with the connection", "[http]") {
  std::string bytes = "abc";
  BodyDecoder decoder;
  decoder.start(Framing::until_close, 0);
  const BodyDecoder::Step step = decoder.decode({bytes.data(), bytes.size()});
  CHECK(step.length == 3);
  CHECK_FALSE(decoder.done());
  CHECK(decoder.finish_at_eof());
  CHECK(decoder.done());

  decoder.start(Framing::content_length, 4);  // RFC 9112 8: a short body is incomplete
  CHECK(decoder.decode({bytes.data(), bytes.size()}).length == 3);
  CHECK_FALSE(decoder.finish_at_eof());

  std::string chunks = "3\r\nabc\r\n0\r\n";
  decoder.start(Framing::chunked, 0);
  CHECK(decoder.decode({chunks.data(), chunks.size()}).length == 3);
  CHECK_FALSE(decoder.finish_at_eof());
}

TEST_CASE("empty bodies are done at once", "[http]") {
  BodyDecoder decoder;
  CHECK(decoder.done());
  decoder.start(Framing::none, 0);
  CHECK(decoder.done());
  decoder.start(Framing::content_length, 0);
  CHECK(decoder.done());
  CHECK(decoder.finish_at_eof());
}

TEST_CASE("a broken body stays broken", "[http]") {
  BodyDecoder decoder;
  decoder.start(Framing::chunked, 0);
  std::string bytes = "2\r\nabX";
  BodyDecoder::Step step = decoder.decode({bytes.data(), bytes.size()});
  CHECK(step.error);
  CHECK(step.length == 2);
  bytes = "0\r\n\r\n";
  step = decoder.decode({bytes.data(), bytes.size()});
  CHECK(step.error);
  CHECK(step.consumed == 0);
  CHECK_FALSE(decoder.finish_at_eof());
  decoder.start(Framing::chunked, 0);
  CHECK_FALSE(decoder.decode({bytes.data(), bytes.size()}).error);
  CHECK(decoder.done());
}

bool survives(BodyDecoder& decoder, std::string bytes) {
  return !decoder.decode({bytes.data(), bytes.size()}).error;
}

TEST_CASE("extensions and trailers without end are refused", "[http]") {
  BodyDecoder decoder;
  decoder.start(Framing::chunked, 0);
  CHECK(survives(decoder, "3;" + std::string(16 * 1024, 'x')));
  CHECK_FALSE(survives(decoder, "x"));

  decoder.start(Framing::chunked, 0);
  CHECK_FALSE(survives(decoder, "3" + std::string(17 * 1024, ' ')));

  decoder.start(Framing::chunked, 0);  // spread over many small chunks
  bool alive = true;
  int chunks = 0;
  while (alive && chunks < 10'000) {
    alive = survives(decoder, "1;" + std::string(100, 'x') + "\r\na\r\n");
    ++chunks;
  }
  CHECK_FALSE(alive);
  CHECK(chunks < 200);

  decoder.start(Framing::chunked, 0);  // but signed chunks of good size may go on
  alive = true;
  for (int i = 0; alive && i < 1000; ++i) {
    alive = survives(decoder, "400;chunk-signature=" + std::string(64, 'f') + "\r\n" +
                                  std::string(0x400, 'a') + "\r\n");
  }
  CHECK(alive);

  decoder.start(Framing::chunked, 0);
  CHECK(survives(decoder, "0\r\nx:" + std::string(16 * 1024 - 1, 'y')));
  CHECK_FALSE(survives(decoder, "y"));
  decoder.start(Framing::chunked, 0);  // each has its own 16 KiB
  CHECK(survives(decoder, "0;" + std::string(12 * 1024, 'x') +
                              "\r\nx:" + std::string(12 * 1024, 'y') + "\r\n\r\n"));
  CHECK(decoder.done());
  decoder.start(Framing::chunked, 0);
  CHECK_FALSE(survives(decoder, "0\r\n" + std::string(17 * 1024, 'n')));
}

}  // namespace
}  // namespace holdfast::http

// The exchange that Envoy 1.40 logged when the expectations of these tests were taken from it.
#pragma once

#include <chrono>
#include <string>

#include "access_log/record.hpp"
#include "catch.hpp"
#include "http/head_parser.hpp"

namespace holdfast::access_log::test {

using std::chrono::milliseconds;

struct Sample {
  http::Head request;
  http::Head response;
  Record record;

  Sample() {
    const auto parsed = http::parse_request_head(
        "POST /path?a=b HTTP/1.1\r\nHost: h\r\nX-A: val\r\nX-Esc: a\"b\\c\xe9\td\r\nX-8: "
        "\xc3\xa9\r\n"
        "X-Q: a\"b\\c\t/\xc3\xa9<>&\r\nX-Empty:\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: "
        "3\r\n\r\n",
        {}, request);
    REQUIRE(parsed.state == http::HeadResult::State::complete);
    response.status = 200;
    response.add("x-r", "resp");
    response.add(http::HeaderId::server, "envoy");
    record.request = &request;
    record.response = &response;
    record.method = request.method();
    record.path = request.target();
    record.authority = request.get(http::HeaderId::host);
    record.scheme = "http";
    record.protocol = "HTTP/1.1";
    record.start = std::chrono::system_clock::time_point(
        std::chrono::microseconds(1'795'468'267'497'857));  // 2026-11-23T21:11:07.497857Z
    record.duration = std::chrono::microseconds(34'999);
    record.request_duration = milliseconds(0);
    record.request_tx_duration = milliseconds(0);
    record.response_duration = milliseconds(34);
    record.response_tx_duration = milliseconds(0);
    record.status = 200;
    record.details = "via_upstream";
    record.bytes_received = 3;
    record.bytes_sent = 2;
    record.connection_id = 0;
    record.upstream_attempts = 1;
    record.downstream_remote_address = "127.0.0.1:40560";
    record.downstream_direct_remote_address = "127.0.0.1:40560";
    record.downstream_local_address = "127.0.0.1:41100";
    record.upstream_host = "127.0.0.1:41001";
    record.upstream_local_address = "127.0.0.1:57076";
    record.upstream_cluster = "be";
    record.route_name = "rt";
    record.listener_name = "main";
  }
};

/// A request that the codec refused: no head at all.
inline Record refused() {
  Record record;
  record.protocol = "HTTP/1.1";
  record.start =
      std::chrono::system_clock::time_point(std::chrono::microseconds(1'795'468'268'234'955));
  record.status = 400;
  record.details = "http1.codec_error";
  record.flags.set(Flag::downstream_protocol_error);
  record.bytes_sent = 11;
  record.downstream_remote_address = "127.0.0.1:40576";
  return record;
}

}  // namespace holdfast::access_log::test

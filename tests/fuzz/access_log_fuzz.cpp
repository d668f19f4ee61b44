// Access log formats and what clients put into them: a request is one line of the log whatever its
// bytes, JSON stays JSON, and nothing is printed that could pass for another line or move a cursor.
// Options: 1 = the format is JSON, 2 = the request's head may be anything that Head can hold (else
// it comes through the parser), 4 = no request, 8 = HTTP/1.0.
// Bytes: the format up to the first NUL, then the head of the request.
#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "access_log/renderer.hpp"
#include "connection.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::fuzz;

std::string_view cut_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

/// A field for each line, as clean as Head promises and no cleaner.
void fill(http::Head& head, std::string_view bytes) {
  head.set_method("GET");
  head.set_target("/");
  for (std::size_t i = 0; i < 64 && !bytes.empty(); ++i) {
    std::string value(cut_line(bytes));
    std::erase_if(value, [](char c) { return c == '\r' || c == '\0'; });
    head.add("x-a", value);
  }
}

access_log::Record make_record(const Input& input, const http::Head& request,
                               const http::Head& response) {
  access_log::Record record;
  if (!input.has(4)) {
    record.request = &request;
    record.response = &response;
    record.method = request.method();
    record.path = request.target();
    record.authority = request.get(http::HeaderId::host);
    record.status = response.status;
  }
  record.scheme = "http";
  record.protocol = input.has(8) ? "HTTP/1.0" : "HTTP/1.1";
  record.start =
      std::chrono::system_clock::time_point(std::chrono::microseconds(1'795'468'267'497'857));
  record.duration = std::chrono::milliseconds(input.cut);
  record.flags.set(static_cast<access_log::Flag>(input.cut % 31));
  record.details = "via_upstream";
  record.downstream_remote_address = "[::1]:40560";
  record.upstream_host = "127.0.0.1:41001";
  record.upstream_cluster = "be";
  return record;
}

/// The format's own words may hold any character; a request's may not add one.
void check_text(const config::AccessLog& log, const std::string& line, const std::string& blank) {
  const auto controls = [](const std::string& text) {
    return std::ranges::count_if(
        text, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; });
  };
  require(controls(line) == controls(blank));
  if (log.template_text.empty()) require(line.ends_with('\n') && controls(line) == 1);
}

void check_json(const std::string& line) {
  require(line.ends_with('\n'));
  for (const char c : line.substr(0, line.size() - 1)) require(c < 0 || c >= ' ');
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(line, error);
  require(!error && value.is_object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  const std::size_t end = std::min(input.bytes.find('\0'), input.bytes.size());
  config::AccessLog log;
  log.template_text = input.bytes.substr(0, end);
  if (input.has(1)) log.format = config::AccessLog::Format::json;
  const access_log::CompileResult compiled = access_log::compile(log);
  require((compiled.format == nullptr) != compiled.error.empty());
  if (compiled.format == nullptr) return 0;

  const std::string_view rest = input.bytes.substr(std::min(end + 1, input.bytes.size()));
  http::Head request;
  http::Head response;
  const bool any = input.has(1) && input.has(2);  // The parser lets no DEL through, JSON must.
  if (any ||
      http::parse_request_head(rest, {}, request).state != http::HeadResult::State::complete) {
    request.clear();
    fill(request, any ? rest : std::string_view{});
  }
  response.status = 200;
  response.add(http::HeaderId::server, "envoy");
  access_log::Renderer renderer(compiled.format);
  const std::string line(renderer.render(make_record(input, request, response)));
  if (input.has(1)) return check_json(line), 0;
  http::Head none;
  none.set_method("GET");
  none.set_target("/");
  const std::string blank(renderer.render(make_record(input, none, response)));
  check_text(log, line, blank);
  return 0;
}

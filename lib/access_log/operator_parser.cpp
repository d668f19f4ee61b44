#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "access_log/operator.hpp"

namespace holdfast::access_log {

namespace {

using Kind = Operator::Kind;

enum class Argument : std::uint8_t { no, optional, header, name };

struct Known {
  std::string_view name;
  Kind kind;
  Argument argument = Argument::no;
  std::string_view Record::*view = nullptr;
  std::uint64_t Record::*counter = nullptr;
  std::optional<Record::Duration> Record::*elapsed = nullptr;
};

constexpr Known view_of(std::string_view name, std::string_view Record::*view) {
  return {name, Kind::view, Argument::no, view};
}
constexpr Known counter_of(std::string_view name, std::uint64_t Record::*counter) {
  return {name, Kind::counter, Argument::no, nullptr, counter};
}
constexpr Known elapsed_of(std::string_view name,
                           std::optional<Record::Duration> Record::*elapsed) {
  return {name, Kind::elapsed, Argument::no, nullptr, nullptr, elapsed};
}

constexpr Known kKnown[] = {
    {"START_TIME", Kind::start_time, Argument::optional},
    {"START_TIME_LOCAL", Kind::start_time, Argument::optional},
    {"REQ", Kind::request_header, Argument::header},
    {"RESP", Kind::response_header, Argument::header},
    {"TRAILER", Kind::response_trailer, Argument::header},
    {"DURATION", Kind::duration},
    elapsed_of("REQUEST_DURATION", &Record::request_duration),
    elapsed_of("REQUEST_TX_DURATION", &Record::request_tx_duration),
    elapsed_of("RESPONSE_DURATION", &Record::response_duration),
    elapsed_of("RESPONSE_TX_DURATION", &Record::response_tx_duration),
    view_of("PROTOCOL", &Record::protocol),
    {"UPSTREAM_PROTOCOL", Kind::upstream_protocol},
    {"RESPONSE_CODE", Kind::response_code},
    view_of("RESPONSE_CODE_DETAILS", &Record::details),
    {"RESPONSE_FLAGS", Kind::response_flags},
    {"RESPONSE_FLAGS_LONG", Kind::response_flags_long},
    counter_of("BYTES_RECEIVED", &Record::bytes_received),
    counter_of("BYTES_SENT", &Record::bytes_sent),
    counter_of("CONNECTION_ID", &Record::connection_id),
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", Kind::upstream_attempts},
    view_of("UPSTREAM_HOST", &Record::upstream_host),
    view_of("UPSTREAM_CLUSTER", &Record::upstream_cluster),
    view_of("UPSTREAM_CLUSTER_RAW", &Record::upstream_cluster),
    view_of("ROUTE_NAME", &Record::route_name),
    view_of("LISTENER_NAME", &Record::listener_name),
    {"VIRTUAL_CLUSTER_NAME", Kind::absent},
    {"REQUESTED_SERVER_NAME", Kind::absent},
    {"HOSTNAME", Kind::literal},
    {"ENVIRONMENT", Kind::literal, Argument::name},
    {"ACCESS_LOG_TYPE", Kind::literal},
};

/// Each of these has an address, an address without port, and a port.
struct KnownAddress {
  std::string_view prefix;
  std::string_view Record::*address;
};
constexpr KnownAddress kAddresses[] = {
    {"DOWNSTREAM_REMOTE_", &Record::downstream_remote_address},
    {"DOWNSTREAM_DIRECT_REMOTE_", &Record::downstream_direct_remote_address},
    {"DOWNSTREAM_LOCAL_", &Record::downstream_local_address},
    {"DOWNSTREAM_DIRECT_LOCAL_", &Record::downstream_local_address},
    {"UPSTREAM_REMOTE_", &Record::upstream_host},
    {"UPSTREAM_LOCAL_", &Record::upstream_local_address},
};

// What Envoy 1.40 takes and we refuse, by name; "..._*" stands for all that start so.
constexpr std::string_view kEnvoyOnly[] = {
    "BYTES_RETRANSMITTED",
    "CEL",
    "CLUSTER_METADATA",
    "COMMON_DURATION",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_HANDSHAKE_DURATION",
    "DOWNSTREAM_LOCAL_*",
    "DOWNSTREAM_PEER_*",
    "DOWNSTREAM_TLS_*",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "DOWNSTREAM_WIRE_*",
    "DYNAMIC_METADATA",
    "EMIT_TIME",
    "FILTER_CHAIN_NAME",
    "FILTER_STATE",
    "GRPC_STATUS",
    "GRPC_STATUS_NUMBER",
    "LOCAL_REPLY_BODY",
    "METADATA",
    "PATH",
    "QUERY_PARAM",
    "QUERY_PARAMS",
    "REQUEST_HEADERS_BYTES",
    "RESPONSE_HEADERS_BYTES",
    "RESPONSE_TRAILERS_BYTES",
    "ROUNDTRIP_DURATION",
    "STREAM_ID",
    "TRACE_ID",
    "TLS_JA3_FINGERPRINT",
    "TLS_JA4_FINGERPRINT",
    "UNIQUE_ID",
    "UPSTREAM_*",
};

bool is_envoys(std::string_view name) {
  return std::any_of(std::begin(kEnvoyOnly), std::end(kEnvoyOnly), [name](std::string_view known) {
    if (known.back() != '*') return name == known;
    return name.substr(0, known.size() - 1) == known.substr(0, known.size() - 1);
  });
}

std::optional<Known> find_known(std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.name == name) return known;
  }
  for (const KnownAddress& known : kAddresses) {
    if (name.substr(0, known.prefix.size()) != known.prefix) continue;
    const std::string_view rest = name.substr(known.prefix.size());
    if (rest == "ADDRESS") return view_of(name, known.address);
    if (rest == "ADDRESS_WITHOUT_PORT") {
      return Known{name, Kind::address_without_port, Argument::no, known.address};
    }
    if (rest == "PORT") return Known{name, Kind::port, Argument::no, known.address};
  }
  return std::nullopt;
}

/// One "%NAME(argument):length%", cut apart.
struct Command {
  std::string_view name;
  std::string_view argument;
  bool has_argument = false;
  std::optional<std::size_t> length;
  std::size_t size = 0;  ///< With both percent signs.
};

std::optional<Command> cut_command(std::string_view s) {
  Command command;
  std::size_t at = 1;
  const auto is_name = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (at < s.size() && is_name(s[at])) ++at;
  command.name = s.substr(1, at - 1);
  if (command.name.empty()) return std::nullopt;
  if (at < s.size() && s[at] == '(') {
    const std::size_t close = s.find(')', at);
    if (close == std::string_view::npos) return std::nullopt;
    command.argument = s.substr(at + 1, close - at - 1);
    command.has_argument = true;
    at = close + 1;
  }
  if (at < s.size() && s[at] == ':') {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(s.data() + at + 1, s.data() + s.size(), length);
    if (error != std::errc{}) return std::nullopt;
    command.length = length;
    at = static_cast<std::size_t>(end - s.data());
  }
  if (at >= s.size() || s[at] != '%') return std::nullopt;
  command.size = at + 1;
  return command;
}

std::string quote(std::string_view name) {
  return "%" + std::string(name) + "%";
}

std::string parse_source(std::string_view name, Kind kind, HeaderSource& source) {
  using Source = HeaderSource::Kind;
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const bool request = kind == Kind::request_header;
  const bool token = !lower.empty() && std::all_of(lower.begin(), lower.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
  if (token && !(request && lower == "host")) {
    source = {Source::field, http::header_id(lower), nullptr, lower};
  } else if (request && lower == ":method") {
    source = {Source::view, {}, &Record::method, {}};
  } else if (request && lower == ":path") {
    source = {Source::view, {}, &Record::path, {}};
  } else if (request && (lower == ":authority" || lower == "host")) {
    source = {Source::view, {}, &Record::authority, {}};
  } else if (request && lower == ":scheme") {
    source = {Source::view, {}, &Record::scheme, {}};
  } else if (kind == Kind::response_header && lower == ":status") {
    source.kind = Source::status;
  } else {
    return "\"" + std::string(name) + "\" is no header name";
  }
  return {};
}

std::string parse_headers(std::string_view argument, Operator& op) {
  if (argument.empty()) return "needs a header name in parentheses";
  const std::size_t mark = argument.find('?');
  std::string error = parse_source(argument.substr(0, mark), op.kind, op.header);
  if (!error.empty() || mark == std::string_view::npos) return error;
  const std::string_view alternative = argument.substr(mark + 1);
  if (alternative.find('?') != std::string_view::npos) return "takes one alternative header only";
  return parse_source(alternative, op.kind, op.alternative);
}

/// A pseudo-header by itself needs no search.
void settle_pseudo_header(Operator& op) {
  const bool alone = op.header.kind == HeaderSource::Kind::view &&
                     op.alternative.kind == HeaderSource::Kind::none &&
                     op.max_length == std::string_view::npos;
  if (!alone) return;
  op.kind = Kind::pseudo_header;
  op.view = op.header.view;
}

/// What doesn't change while the process runs is text from the start.
void settle_literal(std::string_view name, std::string_view argument, Operator& op) {
  if (name == "ACCESS_LOG_TYPE") {
    op.text = "DownstreamEnd";
  } else if (name == "HOSTNAME") {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) == 0) op.text = host.data();
  } else {
    const char* value =
        std::getenv(std::string(argument).c_str());  // NOLINT(concurrency-mt-unsafe)
    op.text = value == nullptr ? "-" : value;        // as Envoy: not null in JSON either
  }
}

std::string build(const Command& command, Operator& op) {
  const std::optional<Known> known = find_known(command.name);
  if (!known) {
    return is_envoys(command.name) ? quote(command.name) + " is Envoy's, but not implemented here"
                                   : "unknown operator " + quote(command.name);
  }
  op.kind = known->kind;
  op.view = known->view;
  op.counter = known->counter;
  op.elapsed = known->elapsed;
  if (command.has_argument && known->argument == Argument::no) {
    return quote(command.name) + " takes no argument";
  }
  if (command.length && known->argument != Argument::header) {
    return quote(command.name) + " takes no length";
  }
  if (command.length) op.max_length = *command.length;
  std::string error;
  if (known->argument == Argument::header) error = parse_headers(command.argument, op);
  if (known->argument == Argument::name && command.argument.empty()) error = "needs a name";
  if (!error.empty()) return quote(command.name) + " " + error;
  if (op.kind == Kind::start_time) {
    const bool local = command.name == "START_TIME_LOCAL";
    op.time.emplace(command.argument, local ? TimeFormat::Zone::local : TimeFormat::Zone::utc);
  }
  settle_pseudo_header(op);
  if (op.kind == Kind::literal) settle_literal(command.name, command.argument, op);
  return {};
}

void add_text(std::vector<Operator>& operators, std::string_view text) {
  if (text.empty()) return;
  if (operators.empty() || operators.back().kind != Kind::literal) operators.emplace_back();
  operators.back().text += text;
}

}  // namespace

ParseResult parse_operators(std::string_view format) {
  ParseResult result;
  std::size_t at = 0;
  while (at < format.size()) {
    const std::size_t percent = std::min(format.find('%', at), format.size());
    add_text(result.operators, format.substr(at, percent - at));
    at = percent;
    if (at == format.size()) break;
    if (at + 1 < format.size() && format[at + 1] == '%') {
      add_text(result.operators, "%");
      at += 2;
      continue;
    }
    const std::optional<Command> command = cut_command(format.substr(at));
    const std::string position = " at position " + std::to_string(at);
    if (!command) {
      result.error = "no valid operator" + position + " (write %% for a percent sign)";
      return result;
    }
    Operator op;
    result.error = build(*command, op);
    if (!result.error.empty()) {
      result.error += position;
      return result;
    }
    if (op.kind == Kind::literal) {
      add_text(result.operators, op.text);
    } else {
      result.operators.push_back(std::move(op));
    }
    at += command->size;
  }
  return result;
}

}  // namespace holdfast::access_log

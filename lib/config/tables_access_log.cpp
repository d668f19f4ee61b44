#include "config/context.hpp"
#include "config/tables.hpp"

namespace holdfast::config {
namespace {

void set_text(AccessLog& log, std::string text) {
  log.format = AccessLog::Format::text;
  log.template_text = std::move(text);
}

void set_json(AccessLog& log, std::string json) {
  log.format = AccessLog::Format::json;
  log.template_text = std::move(json);
}

const MessageTable& text_source_table() {
  static const MessageTable kTable =
      Message<AccessLog>("DataSource", "envoy.config.core.v3.DataSource",
                         "Where a text comes from.")
          .titled("DataSource (access log)")
          .custom<std::string>("inline_string", set_text, "The text itself.")
          .oneof("specifier")
          .require_oneof("specifier")
          .table();
  return kTable;
}

const MessageTable& format_table() {
  static const MessageTable kTable =
      Message<AccessLog>("SubstitutionFormatString",
                         "envoy.config.core.v3.SubstitutionFormatString",
                         "What a line of the access log looks like; `%...%` are Envoy's command "
                         "operators.")
          .custom<std::string>("text_format", set_text, "The line as text.")
          .deprecated("use text_format_source.inline_string")
          .oneof("format")
          .nested("text_format_source", text_source_table, "The line as text.")
          .oneof("format")
          .structure("json_format", set_json, "The line as a JSON object.")
          .oneof("format")
          .require_oneof("format")
          .table();
  return kTable;
}

const MessageTable& file_table() {
  static const MessageTable kTable =
      Message<AccessLog>("FileAccessLog", "envoy.extensions.access_loggers.file.v3.FileAccessLog",
                         "An access log in a file, reopened on SIGUSR1.")
          .field("path", &AccessLog::path, "The file; `/dev/null`, `/dev/stdout` serve as well.")
          .required()
          .custom<std::string>("format", set_text, "The line as text.")
          .deprecated("use log_format.text_format_source.inline_string")
          .oneof("access_log_format")
          .structure("json_format", set_json, "The line as a JSON object.")
          .deprecated("use log_format.json_format")
          .oneof("access_log_format")
          .structure("typed_json_format", set_json, "The line as a JSON object.")
          .deprecated("use log_format.json_format")
          .oneof("access_log_format")
          .nested("log_format", format_table, "What a line looks like.")
          .default_text("Envoy's default line")
          .oneof("access_log_format")
          .table();
  return kTable;
}

const MessageTable& stdout_table() {
  static const MessageTable kTable =
      Message<AccessLog>("StdoutAccessLog",
                         "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                         "An access log on standard output.")
          .nested("log_format", format_table, "What a line looks like.")
          .default_text("Envoy's default line")
          .oneof("access_log_format")
          .table();
  return kTable;
}

const MessageTable& stderr_table() {
  static const MessageTable kTable =
      Message<AccessLog>("StderrAccessLog",
                         "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                         "An access log on standard error.")
          .nested("log_format", format_table, "What a line looks like.")
          .default_text("Envoy's default line")
          .oneof("access_log_format")
          .table();
  return kTable;
}

/// An AnyType that sends the log to `kSink`.
template <AccessLog::Sink kSink>
AnyType sink_type(const char* name, TableRef table) {
  return any_type<AccessLog>({name}, table, [](AccessLog& log) {
    log.sink = kSink;
    return &log;
  });
}

}  // namespace

const MessageTable& access_log_table() {
  using Sink = AccessLog::Sink;
  static const MessageTable kTable =
      Message<AccessLog>("AccessLog", "envoy.config.accesslog.v3.AccessLog",
                         "One access log: a line for each request or connection.")
          .ignored<std::string>("name", "A label; `@type` decides what the log is.")
          .any("typed_config",
               {sink_type<Sink::file>("envoy.extensions.access_loggers.file.v3.FileAccessLog",
                                      file_table),
                sink_type<Sink::standard_output>(
                    "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", stdout_table),
                sink_type<Sink::standard_error>(
                    "envoy.extensions.access_loggers.stream.v3.StderrAccessLog", stderr_table)},
               "Which log, and its settings.")
          .required()
          .finish([](AccessLog& log, const Source& source, Context&) {
            log.location = source.where("typed_config");
          })
          .table();
  return kTable;
}

}  // namespace holdfast::config

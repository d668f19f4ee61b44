#include "test_catalog.hpp"

namespace holdfast::config::test {
namespace {

const MessageTable& router_table() {
  static const MessageTable kTable =
      Message<RouterConfig>("Router", "envoy.extensions.filters.http.router.v3.Router", "The end.")
          .table();
  return kTable;
}

const MessageTable& header_table() {
  static const MessageTable kTable =
      Message<Header>("HeaderValue", "envoy.config.core.v3.HeaderValue", "A header field.")
          .field("key", &Header::key, "Name.")
          .required()
          .rule(StringRule::header_name)
          .field("value", &Header::value, "Value.")
          .rule(StringRule::header_value)
          .table();
  return kTable;
}

const MessageTable& sample_table() {
  using C = SampleConfig;
  static const MessageTable kTable =
      Message<C>("Sample", "holdfast.test.v1.Sample", "A field of each kind.")
          .field("cluster", &C::cluster, "A cluster.")
          .required()
          .cluster_reference()
          .field("count", &C::count, "A number.")
          .range(0, 65'535)
          .field("offset", &C::offset, "A number below zero, too.")
          .field("ratio", &C::ratio, "A real number.")
          .field("header_name", &C::header_name, "A header's name.")
          .rule(StringRule::header_name)
          .field("tags", &C::tags, "Strings.")
          .items(0, 3)
          .message("headers", &C::headers, header_table, "Header fields.")
          .field("timeout", &C::timeout, "A duration.")
          .field("max_hold", &C::max_hold, "A duration, or none.")
          .enumeration("on_failure", &C::on_failure, {{"count", 0}, {"mark", 1}, {"error", 2}},
                       "One of three.")
          .custom<std::string>(
              "blob", [](C& config, std::string bytes) { config.blob = std::move(bytes); },
              "Bytes.")
          .base64()
          .table();
  return kTable;
}

struct JsonHolder {
  LocatedString text;
};

const MessageTable& string_value_table() {
  static const MessageTable kTable =
      Message<JsonHolder>("StringValue", "google.protobuf.StringValue", "A string.")
          .field("value", &JsonHolder::text, "The text.")
          .table();
  return kTable;
}

const MessageTable& holder_table() {
  static const MessageTable kTable =
      Message<JsonHolder>("SampleJson", "holdfast.test.v1.SampleJson", "JSON in a string.")
          .any("configuration",
               {any_type<JsonHolder>({"google.protobuf.StringValue"}, string_value_table,
                                     [](JsonHolder& holder) { return &holder; })},
               "The JSON text.")
          .required()
          .table();
  return kTable;
}

ParsedHttpFilter parse_holder(const Value& value, Context& context) {
  JsonHolder holder;
  context.parse(holder_table(), value, holder);
  auto config = std::make_shared<SampleConfig>();
  if (holder.text.location.line != 0) context.parse_json(sample_table(), holder.text, *config);
  return {"sample", std::move(config)};
}

}  // namespace

const FilterCatalog& test_catalog() {
  static const FilterCatalog kCatalog{
      http_filter<RouterConfig>("router", {"envoy.extensions.filters.http.router.v3.Router"},
                                router_table, true),
      http_filter<SampleConfig>("sample", {"holdfast.test.v1.Sample"}, sample_table),
      {"sample_json", {"holdfast.test.v1.SampleJson"}, &holder_table(), parse_holder, false}};
  return kCatalog;
}

}  // namespace holdfast::config::test

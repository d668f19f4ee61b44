#include <arpa/inet.h>

#include "config/tables.hpp"

namespace holdfast::config {
namespace {

const MessageTable& socket_address_table() {
  static const MessageTable kTable =
      Message<SocketAddress>("SocketAddress", "envoy.config.core.v3.SocketAddress",
                             "An address and a port.")
          .custom_enumeration(
              "protocol", {{"TCP", 0}, {"UDP", 1, false}}, [](SocketAddress&, std::int64_t) {},
              "The transport protocol.")
          .default_text("TCP")
          .field(
              "address", &SocketAddress::address,
              "An IP address without brackets; a host name where a cluster of type STRICT_DNS or "
              "LOGICAL_DNS resolves it.")
          .required()
          .field("port_value", &SocketAddress::port,
                 "The port. 0 lets the system choose one for a listener.")
          .default_text("")
          .oneof("port_specifier")
          .require_oneof("port_specifier")
          .finish([](SocketAddress& address, const Source& source, Context&) {
            address.location = source.where("address");
          })
          .table();
  return kTable;
}

}  // namespace

const MessageTable& address_table() {
  static const MessageTable kTable =
      Message<SocketAddress>("Address", "envoy.config.core.v3.Address", "Where something listens.")
          .nested("socket_address", socket_address_table,
                  "An IP address (or host name) and a port.")
          .oneof("address")
          .require_oneof("address")
          .table();
  return kTable;
}

const MessageTable& metadata_table() {
  static const MessageTable kTable =
      Message<std::string>("Metadata", "envoy.config.core.v3.Metadata",
                           "Data that Holdfast keeps and only plugins read.")
          .structure(
              "filter_metadata",
              [](std::string& target, std::string json) { target = std::move(json); },
              "JSON objects by the name of who reads them.", Cardinality::map)
          .table();
  return kTable;
}

bool is_ip_literal(const std::string& text) {
  in6_addr buffer{};
  return inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

}  // namespace holdfast::config

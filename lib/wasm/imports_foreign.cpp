// Host functions: foreign functions. compress and uncompress are in foreign.cpp; here are those
// that work on an exchange or a plugin: clear_route_cache, set_envoy_filter_state,
// declare_property. Their arguments are protobuf messages of envoy.source.extensions.common.wasm.
#include <array>
#include <chrono>
#include <string>

#include "wasm/foreign.hpp"
#include "wasm/imports.hpp"
#include "wasm/protobuf_reader.hpp"

namespace holdfast::wasm {
namespace {

using Field = ProtobufReader::Field;

Span span_of(std::uint64_t number) noexcept {
  return static_cast<std::int32_t>(number) == 2 ? Span::connection : Span::exchange;
}

/// False: it must be text, and is none.
[[nodiscard]] bool take_text(const Field& field, std::string_view& text) noexcept {
  if (field.kind != Field::Kind::bytes) return true;  // Another type: an unknown field.
  text = field.bytes;
  return is_utf8(text);
}

/// SetEnvoyFilterStateArguments: path 1, value 2, span 3.
Status set_filter_state(Guest& guest, std::string_view input) {
  std::string_view path;
  std::string_view value;
  Span span = Span::exchange;
  ProtobufReader reader(input);
  while (const auto field = reader.next()) {
    if (field->id == 1 && !take_text(*field, path)) return Status::bad_argument;
    if (field->id == 2 && !take_text(*field, value)) return Status::bad_argument;
    if (field->id == 3 && field->kind == Field::Kind::number) span = span_of(field->number);
  }
  if (reader.malformed()) return Status::bad_argument;
  StreamHost* const stream = guest.stream();
  return stream != nullptr ? stream->set_filter_state(path, value, span) : Status::not_found;
}

/// DeclarePropertyArguments: name 1, readonly 2, type 3, schema 4, span 5. Types are bytes 0,
/// string 1, FlatBuffers 2, Protobuf 3; what is none of them is bytes.
Status declare_property(Guest& guest, std::string_view input) {
  std::string_view name;
  PropertyKind kind;
  std::int32_t type = 0;
  ProtobufReader reader(input);
  while (const auto field = reader.next()) {
    if (field->id == 1 && !take_text(*field, name)) return Status::bad_argument;
    if (field->kind != Field::Kind::number) continue;
    if (field->id == 2) kind.read_only = field->number != 0;
    if (field->id == 3) type = static_cast<std::int32_t>(field->number);
    if (field->id == 5) kind.span = span_of(field->number);
  }
  if (reader.malformed()) return Status::bad_argument;
  if (type == 2 || type == 3) return Status::not_found;  // Nothing here reads into them.
  Context& declarer = guest.called();
  // As Envoy: what an exchange's context declares is of no effect.
  if (declarer.root == nullptr || declarer.slot != nullptr) return Status::ok;
  return declarer.root->declared.declare(name, kind);
}

std::uint64_t call_foreign_function(Guest& guest, Words a) {
  const auto name = bytes(guest, a, 0);
  const auto input = bytes(guest, a, 2);
  if (!name || !input) return answer(Status::invalid_memory_access);
  Status status = Status::ok;
  std::string& result = guest.scratch;
  result.clear();
  if (*name == "clear_route_cache") {
    if (StreamHost* stream = guest.stream()) stream->clear_route_cache();
  } else if (*name == "set_envoy_filter_state") {
    status = set_filter_state(guest, *input);
  } else if (*name == "declare_property") {
    status = declare_property(guest, *input);
  } else {
    // The guest's own time does not run out in here.
    const Limits& limits = guest.vm_config().limits;
    const auto until = std::chrono::steady_clock::now() + limits.callback;
    status = call_foreign(*name, *input, limits.memory, result, until);
    if (status == Status::not_found) return answer(status);
  }
  // Who does not want the result gives no address for it.
  Status written = Status::ok;
  if (word(a, 4) != 0 && word(a, 5) != 0) {
    written = guest.vm().give(result, word(a, 4), word(a, 5));
  } else if (word(a, 5) != 0) {
    const bool done = guest.vm().write_u32(word(a, 5), static_cast<std::uint32_t>(result.size()));
    written = done ? Status::ok : Status::invalid_memory_access;
  }
  return answer(written != Status::ok ? written : status);
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_call_foreign_function", "iiiiii", "i", call_foreign_function},
};

}  // namespace

std::span<const HostImport> foreign_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm

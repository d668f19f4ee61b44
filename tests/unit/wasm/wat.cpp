#include "wasm/wat.hpp"

#include "wasm/pairs.hpp"
#include "wasm/vm.hpp"

namespace holdfast::wasm {
namespace {

std::string types(std::string_view letters) {
  std::string out;
  for (const char letter : letters) out += letter == 'I' ? " i64" : " i32";
  return out;
}

/// Of module `env`; "proxy_http_call" is $http_call inside.
std::string import_all() {
  std::string out;
  for (const HostImport& import : host_imports()) {
    if (import.module != "env" && import.module != "wasi_snapshot_preview1") continue;
    std::string_view alias = import.name;
    if (alias.starts_with("proxy_")) alias.remove_prefix(6);
    out += "(import \"" + std::string(import.module) + "\" \"" + std::string(import.name) +
           "\" (func $" + std::string(alias);
    if (!import.parameters.empty()) out += " (param" + types(import.parameters) + ")";
    if (!import.results.empty()) out += " (result" + types(import.results) + ")";
    out += "))\n";
  }
  return out;
}

// Memory: 0..1023 for the tests' own use, 1024..2047 the line that is being written, 4096..
// strings, 65536.. the heap.
constexpr std::string_view kPrelude = R"(
(memory (export "memory") 4)
(global $heap (mut i32) (i32.const 65536))
(global $at (mut i32) (i32.const 1024))
(func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
  (local $where i32)
  (local.set $where (global.get $heap))
  (global.set $heap (i32.and (i32.add (i32.add (global.get $heap) (local.get $size)) (i32.const 7)) (i32.const -8)))
  (if (i32.gt_u (global.get $heap) (i32.const 262144)) (then (global.set $heap (i32.const 65536))))
  (local.get $where))
(func $put (param $c i32)
  (i32.store8 (global.get $at) (local.get $c))
  (global.set $at (i32.add (global.get $at) (i32.const 1))))
(func $words (param $from i32) (param $length i32)
  (local $i i32)
  (block $end (loop $more
    (br_if $end (i32.ge_u (local.get $i) (local.get $length)))
    (call $put (i32.load8_u (i32.add (local.get $from) (local.get $i))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $more))))
(func $digits (param $n i32)
  (if (i32.ge_u (local.get $n) (i32.const 10)) (then (call $digits (i32.div_u (local.get $n) (i32.const 10)))))
  (call $put (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
(func $number (param $n i32)
  (if (i32.ne (global.get $at) (i32.const 1024)) (then (call $put (i32.const 32))))
  (call $digits (local.get $n)))
(func $end_line
  (drop (call $log (i32.const 2) (i32.const 1024) (i32.sub (global.get $at) (i32.const 1024))))
  (global.set $at (i32.const 1024)))
(func $note (param $n i32) (call $number (local.get $n)) (call $end_line))
(func $say (param $from i32) (param $length i32) (call $words (local.get $from) (local.get $length)) (call $end_line))
(func $say_given (call $say (i32.load (i32.const 16)) (i32.load (i32.const 20))))
)";

std::string escaped(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

}  // namespace

std::string Wat::text(std::string_view bytes) {
  const std::string at = "(i32.const " + std::to_string(next_) + ")";
  data_ += "(data " + at + " \"" + escaped(bytes) + "\")\n";
  next_ += static_cast<std::uint32_t>(bytes.size());
  return at + " (i32.const " + std::to_string(bytes.size()) + ")";
}

std::string Wat::pairs(std::string_view lines) {
  Pairs all;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() < lines.size() ? line.size() + 1 : line.size());
    const std::size_t colon = line.find(": ");
    all.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  std::string bytes;
  write_pairs(all, bytes);
  return text(bytes);
}

Wat& Wat::add(std::string_view text) {
  functions_.append(text).append("\n");
  return *this;
}

Wat& Wat::function(std::string_view name, unsigned parameters, int result, std::string_view body,
                   bool quiet) {
  std::string head = "(func (export \"" + std::string(name) + "\")";
  std::string log = "  (call $words " + text(name) + ")\n";
  for (unsigned i = 0; i < parameters; ++i) {
    const std::string parameter = std::string("$") + static_cast<char>('a' + i);
    head += " (param " + parameter + " i32)";
    log += "  (call $number (local.get " + parameter + "))\n";
  }
  if (result >= 0) head += " (result i32)";
  functions_ += head + "\n";
  if (!quiet) functions_ += log + "  (call $end_line)\n";
  functions_.append("  ").append(body).append("\n");
  if (result >= 0) functions_ += "  (i32.const " + std::to_string(result) + ")";
  functions_ += ")\n";
  return *this;
}

Wat& Wat::callback(std::string_view name, unsigned parameters, int result, std::string_view body) {
  return function(name, parameters, result, body, false);
}

Wat& Wat::quiet(std::string_view name, unsigned parameters, int result, std::string_view body) {
  return function(name, parameters, result, body, true);
}

std::string Wat::module() const {
  return "(module\n" + import_all() + std::string(kPrelude) + "(func (export \"" + abi_ + "\"))\n" +
         functions_ + data_ + ")";
}

}  // namespace holdfast::wasm

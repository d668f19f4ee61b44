#include "scripted_guest.hpp"

#include <algorithm>
#include <vector>

#include "fuzz.hpp"
#include "wasm/guest.hpp"
#include "wasm/imports.hpp"

namespace holdfast::fuzz {
namespace {

using namespace std::string_view_literals;
using wasm::Guest;
using wasm::HostImport;
using wasm::Words;

// Where what lies in the guest's memory: its first page for what is written, then texts, blocks of
// malloc, and the run.
constexpr std::uint32_t kPages = 4;
constexpr std::uint32_t kTarget = 256;
constexpr std::uint32_t kTextsAt = 4096;
constexpr std::uint32_t kBlocksAt = 0x8000;
constexpr std::uint32_t kRunAt = 0x20000;
constexpr std::uint32_t kRunEnd = kPages * 0x10000;

constexpr std::uint32_t kReturn = UINT32_MAX;
/// One takes as long as a callback may; more add nothing.
constexpr unsigned kMostLoops = 2;

/// What comes in front of the host functions in the module's table.
enum Special : std::uint32_t {
  kUnreachable,
  kDivide,
  kOutside,
  kCallNull,
  kRecurse,
  kLoop,
  kGrow,
  kSpecials,
};

constexpr std::array kTexts{
    ""sv,                                                                // a
    "x-a"sv,                                                             // b
    ":path"sv,                                                           // c
    ":method"sv,                                                         // d
    ":authority"sv,                                                      // e
    ":status"sv,                                                         // f
    "/p?q"sv,                                                            // g
    "POST"sv,                                                            // h
    "Host"sv,                                                            // i
    "404"sv,                                                             // j
    "content-length"sv,                                                  // k
    "Transfer-Encoding"sv,                                               // l
    "v\r\nx: y"sv,                                                       // m
    "cluster"sv,                                                         // n
    "\3\0\0\0\7\0\0\0\3\0\0\0\5\0\0\0\1\0\0\0\12\0\0\0\1\0\0\0"          // o
    ":method\0GET\0:path\0/\0:authority\0a\0"sv,                         //
    "\2\0\0\0\3\0\0\0\1\0\0\0\3\0\0\0\3\0\0\0x-a\0001\0X-B\0two\0"sv,    // p
    "\2\0\0\0\7\0\0\0\3\0\0\0\1\0\0\0\1\0\0\0:status\000418\0a\0b\0"sv,  // q
    "request\0path"sv,                                                   // r
    "plugin_name"sv,                                                     // s
    "compress"sv,                                                        // t
    "uncompress"sv,                                                      // u
    "\x78\xda\x4b\x4c\x24\x0e\0\0\x36\xeb\x0f\x29"sv,                    // v
    "queue"sv,                                                           // w
    "metric"sv,                                                          // x
    "\0\x10\0\0\10\0\0\0\20\x10\0\0\377\0\0\0"sv,                        // y
    "vm"sv,                                                              // z
    "\xff\xfe\0 "sv,                                                     // {
    "Set-Cookie"sv,                                                      // |
    "no such cluster"sv,                                                 // }
    "clear_route_cache"sv,                                               // ~
};

std::uint32_t text_address(std::size_t which) {
  std::uint32_t at = kTextsAt;
  for (std::size_t i = 0; i < which; ++i) at += static_cast<std::uint32_t>(kTexts[i].size());
  return at;
}

/// By name, so that inputs mean the same whatever the order of the tables; without the second names
/// of WASI.
const std::vector<HostImport>& functions() {
  static const std::vector<HostImport> sorted = [] {
    std::vector<HostImport> all;
    std::ranges::copy_if(wasm::host_imports(), std::back_inserter(all),
                         [](const HostImport& f) { return f.module != "wasi_unstable"; });
    std::ranges::sort(all, {}, &HostImport::name);
    return all;
  }();
  return sorted;
}

// --- The host functions of the script -----------------------------------------------------------

ScriptedGuest* g_running = nullptr;

std::uint64_t next(Guest& guest, Words /*a*/) {
  return g_running->step(guest);
}
std::uint64_t argument(Guest& /*guest*/, Words a) {
  return g_running->argument(wasm::word(a, 0));
}
std::uint64_t answered(Guest& /*guest*/, Words a) {
  require(wasm::word(a, 0) <= static_cast<std::uint32_t>(wasm::Status::unimplemented));
  return 0;
}
std::uint64_t result(Guest& /*guest*/, Words /*a*/) {
  return g_running->result();
}
std::uint64_t in_malloc(Guest& /*guest*/, Words /*a*/) {
  return g_running->runs_in_malloc() ? 1 : 0;
}
std::uint64_t allocate(Guest& guest, Words a) {
  return g_running->allocate(guest, wasm::word(a, 0));
}

constexpr std::array kOwnImports{
    HostImport{"fuzz", "next", "", "i", next},
    HostImport{"fuzz", "argument", "i", "I", argument},
    HostImport{"fuzz", "answered", "i", "", answered},
    HostImport{"fuzz", "result", "", "i", result},
    HostImport{"fuzz", "in_malloc", "", "i", in_malloc},
    HostImport{"fuzz", "allocate", "i", "i", allocate},
};

// --- The module ---------------------------------------------------------------------------------

std::string types(std::string_view letters, std::string_view word) {
  std::string text;
  for (const char letter : letters) {
    text.append(" (").append(word).append(letter == 'I' ? " i64)" : " i32)");
  }
  return text;
}

std::string import_of(const HostImport& f) {
  const std::string name = std::string(f.module) + "." + std::string(f.name);
  return "(import \"" + std::string(f.module) + "\" \"" + std::string(f.name) + "\" (func $" +
         name + types(f.parameters, "param") + types(f.results, "result") + "))\n";
}

/// "$do.NAME": calls it with the script's arguments, and hands over what it answers.
std::string caller_of(const HostImport& f) {
  std::string call = "(call $" + std::string(f.module) + "." + std::string(f.name);
  for (std::size_t i = 0; i < f.parameters.size(); ++i) {
    const std::string word = "(call $fuzz.argument (i32.const " + std::to_string(i) + "))";
    call += f.parameters[i] == 'I' ? " " + word : " (i32.wrap_i64 " + word + ")";
  }
  call += ")";
  const bool is_status = f.name.starts_with("proxy_");
  if (!f.results.empty()) call = (is_status ? "(call $fuzz.answered " : "(drop ") + call + ")";
  return "(func $do." + std::string(f.name) + " " + call + ")\n";
}

constexpr std::string_view kSpecialFunctions = R"(
(func $unreachable unreachable)
(func $divide (drop (i32.div_s (i32.const 1) (i32.load (i32.const 0)))))
(func $outside (drop (i64.load (i32.const -4))))
(func $call_null (call_indirect (type $plain) (i32.const 0x7fff)))
(func $recurse (call $recurse) (call $recurse))
(func $loop (loop $again (br $again)))
(func $grow (drop (memory.grow (i32.wrap_i64 (call $fuzz.argument (i32.const 0))))))
(func $run (local $step i32)
  (loop $again
    (local.set $step (call $fuzz.next))
    (if (i32.ne (local.get $step) (i32.const -1))
      (then (call_indirect (type $plain) (local.get $step)) (br $again)))))
(func (export "malloc") (param i32) (result i32)
  (if (call $fuzz.in_malloc) (then (call $run)))
  (call $fuzz.allocate (local.get 0)))
)";

struct Callback {
  std::string_view name;
  std::string_view parameters;
  bool result;
};
constexpr std::array kCallbacks{
    Callback{"on_context_create", "ii", false},
    Callback{"on_vm_start", "ii", true},
    Callback{"on_configure", "ii", true},
    Callback{"on_tick", "i", false},
    Callback{"on_request_headers", "iii", true},
    Callback{"on_request_body", "iii", true},
    Callback{"on_request_trailers", "ii", true},
    Callback{"on_response_headers", "iii", true},
    Callback{"on_response_body", "iii", true},
    Callback{"on_response_trailers", "ii", true},
    Callback{"on_queue_ready", "ii", false},
    Callback{"on_done", "i", true},
    Callback{"on_http_call_response", "iiiii", false},
    Callback{"on_log", "i", false},
    Callback{"on_delete", "i", false},
};

std::string callback_text(const Callback& callback, bool oldest) {
  const bool head = callback.name.ends_with("_headers");
  std::string text = "(func (export \"proxy_" + std::string(callback.name) + "\")";
  text += types(callback.parameters.substr(head && oldest ? 1 : 0), "param");
  return text +
         (callback.result ? " (result i32) (call $run) (call $fuzz.result))\n" : " (call $run))\n");
}

std::string escaped(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.append({'\\', kDigits[byte >> 4U], kDigits[byte & 15U]});
  }
  return text;
}

}  // namespace

ScriptedGuest::ScriptedGuest(Script& script) : script_(script), next_block_(kBlocksAt) {
  g_running = this;
}

ScriptedGuest::~ScriptedGuest() {
  g_running = nullptr;
}

std::span<const HostImport> ScriptedGuest::imports() {
  static const std::vector<HostImport> all = [] {
    std::vector<HostImport> both(kOwnImports.begin(), kOwnImports.end());
    both.insert(both.end(), wasm::host_imports().begin(), wasm::host_imports().end());
    return both;
  }();
  return all;
}

std::string ScriptedGuest::module(std::string_view mark) {
  std::string text = "(module (type $plain (func))\n";
  for (const HostImport& f : kOwnImports) text += import_of(f);
  for (const HostImport& f : functions()) text += import_of(f);
  text += "(memory (export \"memory\") " + std::to_string(kPages) + ")\n";
  text += "(func (export \"" + std::string(mark) + "\"))\n";
  text += kSpecialFunctions;
  std::string table = "$unreachable $divide $outside $call_null $recurse $loop $grow";
  for (const HostImport& f : functions()) {
    text += caller_of(f);
    table += " $do." + std::string(f.name);
  }
  text += "(table funcref (elem " + table + "))\n";
  const bool oldest = mark == "proxy_abi_version_0_1_0";
  for (const Callback& callback : kCallbacks) text += callback_text(callback, oldest);
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    text += "(data (i32.const " + std::to_string(text_address(i)) + ") \"" + escaped(kTexts[i]) +
            "\")\n";
  }
  return text + "(data (i32.const " + std::to_string(kRunAt) + ") \"" +
         std::string(kRunEnd - kRunAt, 'a') + "\"))";
}

std::uint32_t ScriptedGuest::special(std::uint8_t which, Guest& guest) {
  switch (which) {
    case 'U':
      return kUnreachable;
    case 'D':
      return guest.vm().write_u32(0, 0) ? kDivide : kUnreachable;
    case 'O':
      return kOutside;
    case 'C':
      return kCallNull;
    case 'R':
      return kRecurse;
    case 'S':
      return ++loops_ <= kMostLoops ? kLoop : kUnreachable;
    case 'G':
      arguments_[0] = script_.byte();
      return kGrow;
    default:
      return kReturn;
  }
}

std::uint32_t ScriptedGuest::step(Guest& guest) {
  for (;;) {
    if (script_.over()) {
      result_ = 0;
      return kReturn;
    }
    const std::uint8_t byte = script_.byte();
    if (byte == 'M') {
      malloc_ = static_cast<Malloc>(script_.byte() % static_cast<unsigned>(Malloc::count_));
      continue;
    }
    if (byte == '.' || byte == ',') {
      result_ = byte == ',' ? script_.byte() : 0;
      return kReturn;
    }
    if (const std::uint32_t which = special(byte, guest); which != kReturn) return which;
    const std::size_t number = (byte & 0x7FU) % functions().size();
    read_arguments(functions()[number], guest);
    return kSpecials + static_cast<std::uint32_t>(number);
  }
}

void ScriptedGuest::read_arguments(const HostImport& function, Guest& guest) {
  for (std::size_t i = 0; i < function.parameters.size();) i += read_argument(i, guest);
}

std::size_t ScriptedGuest::read_argument(std::size_t at, Guest& guest) {
  const auto give = [&](std::uint64_t word) {
    arguments_[at] = word;
    return std::size_t{1};
  };
  const auto give_bytes = [&](std::uint32_t address, std::size_t length) {
    arguments_[at] = address;
    arguments_[at + 1] = length;
    return std::size_t{2};
  };
  const std::uint8_t byte = script_.byte();
  if (byte >= 'a' && byte <= '~') {
    const std::size_t which = byte - 'a';
    return give_bytes(text_address(which), kTexts[which].size());
  }
  if (byte >= 'A' && byte <= 'P') return give(kTarget + 16U * (byte - 'A'));
  switch (byte) {
    case '#':
      return give(script_.byte());
    case '$':
      return give(script_.number<std::uint32_t>());
    case '%':
      return give(script_.number<std::uint64_t>());
    case '!': {
      const std::size_t which = script_.byte() % kTexts.size();
      return give_bytes(text_address(which), script_.byte());
    }
    case '<':
      return give(guest.vm().memory_size() - script_.byte());
    case '-':
      return give(UINT64_MAX);
    case '^':
      return give(0x8000'0000U);
    case '*':
      return give_bytes(kRunAt, script_.number<std::uint32_t>(3));
    default:
      return give(byte >= '0' && byte <= '9' ? byte - '0' : byte);
  }
}

std::uint32_t ScriptedGuest::allocate(Guest& guest, std::uint32_t size) {
  const auto memory = static_cast<std::uint32_t>(guest.vm().memory_size());
  switch (malloc_) {
    case Malloc::null:
      return 0;
    case Malloc::end:
      return memory - 1;
    case Malloc::outside:
      return memory;
    default:
      break;
  }
  if (size > kRunAt - kBlocksAt) return size < memory - kBlocksAt ? kBlocksAt : 0;
  if (size > kRunAt - next_block_) next_block_ = kBlocksAt;
  return std::exchange(next_block_, next_block_ + size);
}

}  // namespace holdfast::fuzz

// Host functions: shared data, queues, metrics.
#include <array>

#include "wasm/imports.hpp"
#include "wasm/shared_state.hpp"

namespace holdfast::wasm {
namespace {

SharedState& shared(Guest& guest) noexcept {
  return guest.services().shared;
}

std::uint64_t get_shared_data(Guest& guest, Words a) {
  const auto key = bytes(guest, a, 0);
  if (!key) return answer(Status::invalid_memory_access);
  const auto data = shared(guest).get_data(guest.vm_config().vm_id, *key);
  if (!data) return answer(Status::not_found);
  if (const Status status = guest.vm().give(data->value, word(a, 2), word(a, 3));
      status != Status::ok) {
    return answer(status);
  }
  return answer(guest.vm().write_u32(word(a, 4), data->cas) ? Status::ok
                                                            : Status::invalid_memory_access);
}

std::uint64_t set_shared_data(Guest& guest, Words a) {
  const auto key = bytes(guest, a, 0);
  const auto value = bytes(guest, a, 2);
  if (!key || !value) return answer(Status::invalid_memory_access);
  return answer(shared(guest).set_data(guest.vm_config().vm_id, *key, *value, word(a, 4)));
}

std::uint64_t register_shared_queue(Guest& guest, Words a) {
  const auto name = bytes(guest, a, 0);
  if (!name) return answer(Status::invalid_memory_access);
  std::uint32_t token = 0;
  if (const Status status = guest.register_queue(*name, token); status != Status::ok)
    return answer(status);
  return answer(guest.vm().write_u32(word(a, 2), token) ? Status::ok
                                                        : Status::invalid_memory_access);
}

std::uint64_t resolve_shared_queue(Guest& guest, Words a) {
  const auto vm_id = bytes(guest, a, 0);
  const auto name = bytes(guest, a, 2);
  if (!vm_id || !name) return answer(Status::invalid_memory_access);
  const auto token = shared(guest).resolve_queue(
      vm_id->empty() ? std::string_view(guest.vm_config().vm_id) : *vm_id, *name);
  if (!token) return answer(Status::not_found);
  return answer(guest.vm().write_u32(word(a, 4), *token) ? Status::ok
                                                         : Status::invalid_memory_access);
}

std::uint64_t enqueue_shared_queue(Guest& guest, Words a) {
  const auto value = bytes(guest, a, 1);
  if (!value) return answer(Status::invalid_memory_access);
  return answer(shared(guest).enqueue(word(a, 0), *value));
}

std::uint64_t dequeue_shared_queue(Guest& guest, Words a) {
  if (const Status status = shared(guest).dequeue(word(a, 0), guest.scratch);
      status != Status::ok) {
    return answer(status);
  }
  return answer(guest.vm().give(guest.scratch, word(a, 1), word(a, 2)));
}

std::uint64_t define_metric(Guest& guest, Words a) {
  const auto name = bytes(guest, a, 1);
  if (!name) return answer(Status::invalid_memory_access);
  std::uint32_t id = 0;
  if (const Status status = guest.metrics().define(word(a, 0), *name, id); status != Status::ok) {
    return answer(status);
  }
  return answer(guest.vm().write_u32(word(a, 3), id) ? Status::ok : Status::invalid_memory_access);
}

std::uint64_t increment_metric(Guest& guest, Words a) {
  return answer(guest.metrics().increment(word(a, 0), static_cast<std::int64_t>(a[1])));
}

std::uint64_t record_metric(Guest& guest, Words a) {
  return answer(guest.metrics().record(word(a, 0), a[1]));
}

std::uint64_t get_metric(Guest& guest, Words a) {
  std::uint64_t value = 0;
  if (const Status status = guest.metrics().get(word(a, 0), value); status != Status::ok)
    return answer(status);
  return answer(guest.vm().write_u64(word(a, 1), value) ? Status::ok
                                                        : Status::invalid_memory_access);
}

constexpr std::array kImports = {
    HostImport{"env", "proxy_get_shared_data", "iiiii", "i", get_shared_data},
    HostImport{"env", "proxy_set_shared_data", "iiiii", "i", set_shared_data},
    HostImport{"env", "proxy_register_shared_queue", "iii", "i", register_shared_queue},
    HostImport{"env", "proxy_resolve_shared_queue", "iiiii", "i", resolve_shared_queue},
    HostImport{"env", "proxy_enqueue_shared_queue", "iii", "i", enqueue_shared_queue},
    HostImport{"env", "proxy_dequeue_shared_queue", "iii", "i", dequeue_shared_queue},
    HostImport{"env", "proxy_define_metric", "iiii", "i", define_metric},
    HostImport{"env", "proxy_increment_metric", "iI", "i", increment_metric},
    HostImport{"env", "proxy_record_metric", "iI", "i", record_metric},
    HostImport{"env", "proxy_get_metric", "ii", "i", get_metric},
};

}  // namespace

std::span<const HostImport> shared_imports() noexcept {
  return kImports;
}

}  // namespace holdfast::wasm

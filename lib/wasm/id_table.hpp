// Objects by the ids that a VM's plugins know them by (contexts, calls). Ids are handed out in
// order, so their low bits are a perfect hash; the chains run through the objects, so that nothing
// is allocated once the table has its size.
//
// T has `std::uint32_t id` and `T* next_by_id`. Owner: a Guest; owns no object. Thread: the
// worker's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::wasm {

/// `Step`: how far two ids that follow each other lie apart.
template <class T, std::uint32_t Step = 1>
class IdTable {
 public:
  IdTable() : buckets_(16) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T* find(std::uint32_t id) const noexcept {
    T* at = buckets_[index(id)];
    while (at != nullptr && at->id != id) at = at->next_by_id;
    return at;
  }
  /// REQUIRES: no such id in it.
  void insert(T& object) {
    if (size_ == buckets_.size()) grow();
    link(object);
    ++size_;
  }
  /// REQUIRES: it is in the table.
  void erase(T& object) noexcept {
    T** at = &buckets_[index(object.id)];
    while (*at != &object) at = &(*at)->next_by_id;
    *at = object.next_by_id;
    object.next_by_id = nullptr;
    --size_;
  }
  /// Any one; null when it is empty.
  [[nodiscard]] T* any() const noexcept {
    for (T* first : buckets_) {
      if (first != nullptr) return first;
    }
    return nullptr;
  }

 private:
  [[nodiscard]] std::size_t index(std::uint32_t id) const noexcept {
    return (id / Step) & (buckets_.size() - 1);
  }
  void link(T& object) noexcept {
    T*& first = buckets_[index(object.id)];
    object.next_by_id = first;
    first = &object;
  }
  void grow() {
    std::vector<T*> old(buckets_.size() * 2);
    old.swap(buckets_);
    for (T* at : old) {
      while (at != nullptr) {
        T* const next = at->next_by_id;
        link(*at);
        at = next;
      }
    }
  }

  std::vector<T*> buckets_;  ///< A power of two.
  std::size_t size_ = 0;
};

}  // namespace holdfast::wasm

// A doubly linked list whose links live in the elements: no allocation, O(1) unlink from anywhere.
//
// Elements derive from ListNode<Tag>; a node unlinks itself on destruction, so a list never holds a
// dead element. Thread: whichever owns the elements; no locking.
#pragma once

#include <cassert>
#include <cstddef>

namespace holdfast::base {

template <class Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, class U>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

/// T derives from ListNode<Tag>. The list must not move while it has elements.
template <class T, class Tag>
class List {
  using Node = ListNode<Tag>;

 public:
  List() { head_.next_ = head_.prev_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    // A node that dies unlinks itself, so none in the list is dead; the analyzer can't see that.
    while (!empty()) head_.next_->unlink();  // NOLINT(clang-analyzer-cplusplus.NewDelete)
    head_.next_ = head_.prev_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }
  [[nodiscard]] T* front() noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  [[nodiscard]] T* back() noexcept { return empty() ? nullptr : static_cast<T*>(head_.prev_); }
  void push_back(T& element) noexcept { insert_before(&head_, &element); }
  void push_front(T& element) noexcept { insert_before(head_.next_, &element); }
  T* pop_front() noexcept {
    T* element = front();
    if (element != nullptr) static_cast<Node*>(element)->unlink();
    return element;
  }
  /// Visit all; `visit` may unlink the element it is given, but no other.
  template <class F>
  void for_each(F&& visit) {
    for (Node* n = head_.next_; n != &head_;) {
      Node* next = n->next_;
      visit(*static_cast<T*>(n));
      n = next;
    }
  }
  /// Move all elements of `other` to the end of this list.
  void splice(List& other) noexcept {
    while (T* element = other.pop_front()) push_back(*element);
  }

 private:
  static void insert_before(Node* at, Node* node) noexcept {
    assert(!node->linked());
    node->prev_ = at->prev_;
    node->next_ = at;
    at->prev_->next_ = node;
    at->prev_ = node;
  }
  Node head_;
};

}  // namespace holdfast::base

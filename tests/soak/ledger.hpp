// What became of each request, as its client saw it: the soak test's side of the books.
//
// Owner: main(). Written to a file of four bytes per request (kind, outcome, status), in the order
// of their ids, for tests/soak/run to hold against the daemon's access log and counters.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

namespace holdfast::soak {

enum class Kind : std::uint8_t {
  get,
  head,
  post_sized,
  post_chunked,
  big,
  chunked,
  until_close,
  held,           ///< By N = 0..20 side requests.
  pipelined,      ///< Several in one write.
  pipelined_cut,  ///< Behind one whose response breaks off.
  slow_client,
  slow_upstream,
  churn,      ///< To endpoints that die and come back.
  dns,        ///< To a name whose addresses change and vanish.
  reset,      ///< The upstream closes instead of answering.
  half_head,  ///< It closes in the head of its answer.
  half,       ///< It closes in the body.
  garbage,
  surplus,  ///< It sends more than it should.
  never,    ///< It does not answer: the route's timeout.
  no_route,
  direct,
  malformed,
  late_head,  ///< The head does not end: request_headers_timeout.
  abort_in_head,
  abort_in_body,
  abort_held,
  abort_in_response,
  count_,
};

inline constexpr std::array kKindNames{
    "get",           "head",          "post_sized",  "post_chunked",
    "big",           "chunked",       "until_close", "held",
    "pipelined",     "pipelined_cut", "slow_client", "slow_upstream",
    "churn",         "dns",           "reset",       "half_head",
    "half",          "garbage",       "surplus",     "never",
    "no_route",      "direct",        "malformed",   "late_head",
    "abort_in_head", "abort_in_body", "abort_held",  "abort_in_response"};
static_assert(kKindNames.size() == static_cast<std::size_t>(Kind::count_));

enum class Outcome : std::uint8_t {
  open,      ///< Still under way. At the end of the test: lost.
  answered,  ///< A whole response came.
  cut,       ///< A response began and broke off.
  aborted,   ///< The client left after a whole head, before the end of the response.
  unserved,  ///< Pipelined behind a response after which the connection was closed.
  unbegun,   ///< The client left within the head: no request at all.
};

class Ledger {
 public:
  struct Entry {
    Kind kind;
    Outcome outcome;
    std::uint16_t status;  ///< Of the answer, or of its head if it was cut; else 0.
  };

  explicit Ledger(std::uint32_t first_id) : first_(first_id) {}

  std::uint32_t open(Kind kind) {
    entries_.push_back({kind, Outcome::open, 0});
    return first_ + static_cast<std::uint32_t>(entries_.size()) - 1;
  }
  void close(std::uint32_t id, Outcome outcome, unsigned status = 0) {
    Entry& entry = entries_[id - first_];
    entry.outcome = outcome;
    entry.status = static_cast<std::uint16_t>(status);
  }
  /// Something that must not happen. The first few are printed.
  void complain(Kind kind, std::string_view what) {
    if (++complaints_ > 20) return;
    std::fprintf(stderr, "soak_traffic: %s: %.*s\n", kKindNames[static_cast<std::size_t>(kind)],
                 static_cast<int>(what.size()), what.data());
  }
  [[nodiscard]] std::size_t complaints() const { return complaints_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool save(const char* path) const {
    static_assert(sizeof(Entry) == 4);
    std::FILE* file = std::fopen(path, "wb");
    if (file == nullptr) return false;
    const std::size_t written = std::fwrite(entries_.data(), sizeof(Entry), entries_.size(), file);
    return std::fclose(file) == 0 && written == entries_.size();
  }

 private:
  std::uint32_t first_;
  std::vector<Entry> entries_;
  std::size_t complaints_ = 0;
};

}  // namespace holdfast::soak

// The pipeline alone: whatever filters decide, in whatever order they go on, each sees head, bytes
// and end in order, and what comes out is what went in.
#include "server/filter_pipeline.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "catch.hpp"

namespace holdfast::server {
namespace {

using filters::BodyVerdict;
using filters::Verdict;

class BareExchange final : public filters::Exchange {
 public:
  void replace_response(std::uint16_t, std::string_view) noexcept override {}
  void set_details(std::string_view) noexcept override {}
  void continue_request(std::size_t) noexcept override {}
  void continue_response(std::size_t) noexcept override {}
  void send_local_reply(filters::LocalReplyRequest) noexcept override {}
  void reset_stream() noexcept override {}
  void clear_route_cache() noexcept override {}
  [[nodiscard]] bool request_ends_with_head() const noexcept override { return false; }
  [[nodiscard]] bool response_ends_with_head() const noexcept override { return false; }
  [[nodiscard]] filters::StreamInfo info() noexcept override { return {}; }
  [[nodiscard]] std::unique_ptr<filters::ConnectionState>& connection_state() noexcept override {
    return connection_state_;
  }

 private:
  [[nodiscard]] bool is_held() const noexcept override { return false; }
  void resume() noexcept override {}
  std::unique_ptr<filters::ConnectionState> connection_state_;
};

/// Decides at random; checks that what it is shown makes sense.
class RandomFilter final : public filters::Filter {
 public:
  RandomFilter(std::size_t index, std::mt19937& random) : Filter(index), random_(random) {}

  void reset() {
    heads = ends = trailers = 0;
    seen.clear();
    kept_ = 0;
  }
  Verdict on_request(filters::Exchange&) noexcept override {
    ++heads;
    stopped = random_() % 3 != 0;
    if (!stopped) return Verdict::proceed;
    return random_() % 2 == 0 ? Verdict::hold : Verdict::hold_head;
  }
  BodyVerdict on_request_body(filters::Exchange&, base::ByteQueue& body,
                              bool end) noexcept override {
    CHECK(heads == 1);
    CHECK(ends == 0);
    REQUIRE(body.size() >= kept_);
    seen += body.view().substr(kept_);
    const bool keeps = random_() % 2 == 0;
    kept_ = keeps ? body.size() : 0;
    stopped = keeps;
    if (end && !keeps) ++ends;
    return keeps ? BodyVerdict::buffer : BodyVerdict::proceed;
  }
  BodyVerdict on_request_trailers(filters::Exchange&) noexcept override {
    CHECK(heads == 1);
    CHECK(ends == 0);
    ++trailers;
    const bool keeps = random_() % 2 == 0;
    if (!keeps) kept_ = 0;
    stopped = keeps;
    return keeps ? BodyVerdict::buffer : BodyVerdict::proceed;
  }
  /// It lets go what it keeps.
  void let_go() { kept_ = 0; }

  int heads = 0;
  int ends = 0;
  int trailers = 0;
  bool stopped = false;
  std::string seen;

 private:
  std::mt19937& random_;
  std::size_t kept_ = 0;
};

TEST_CASE("filters that decide at random neither lose nor reorder anything", "[body]") {
  std::mt19937 random(20261125);  // NOLINT: the same each time.
  BareExchange exchange;
  for (int round = 0; round < 3000; ++round) {
    const std::size_t count = 1 + random() % 4;
    std::vector<std::unique_ptr<RandomFilter>> filters;
    std::vector<filters::Filter*> hooks;
    for (std::size_t i = 0; i < count; ++i) {
      filters.push_back(std::make_unique<RandomFilter>(i, random));
      hooks.push_back(filters.back().get());
    }
    FilterPipeline pipeline(FilterPipeline::Direction::request, exchange, hooks, 0);
    const bool bodiless = random() % 5 == 0;
    const bool trailers = !bodiless && random() % 2 == 0;
    exchange.request_trailers().clear();
    pipeline.start(bodiless);
    REQUIRE(pipeline.run_head() == FilterPipeline::Outcome::ok);
    std::string sent;
    std::string out;
    bool ended = bodiless;
    const auto take = [&] {
      if (!pipeline.passed().empty()) CHECK(pipeline.head_passed());
      out += pipeline.passed().view();
      pipeline.passed().clear();
    };
    for (int step = 0; step < 200 && !(pipeline.end_passed() && ended); ++step) {
      if (!ended && random() % 2 == 0) {
        const bool end = random() % 4 == 0;
        const std::string piece = end ? "" : std::to_string(step) + ",";
        pipeline.incoming().append(piece);
        sent += piece;
        if (end && trailers) exchange.request_trailers().make();
        REQUIRE(pipeline.run_body(end) == FilterPipeline::Outcome::ok);
        ended = end;
      } else {
        const std::size_t which = random() % count;
        if (pipeline.ask_to_continue(which)) {
          CHECK(filters[which]->stopped);
          filters[which]->let_go();
        }
        REQUIRE(pipeline.run_continued() == FilterPipeline::Outcome::ok);
      }
      take();
    }
    CHECK(pipeline.end_passed());
    CHECK(out == sent);
    CHECK(pipeline.bytes_passed() == sent.size());
    for (const auto& filter : filters) {
      CHECK(filter->heads == 1);
      CHECK(filter->trailers == (trailers ? 1 : 0));
      if (trailers) CHECK(filter->ends == 0);
      CHECK(filter->seen == sent);
    }
  }
}

TEST_CASE("each filter at which something waits has a limit of its own", "[body]") {
  using std::chrono::milliseconds;
  struct Holder final : filters::Filter {
    explicit Holder(std::size_t index) : Filter(index) {}
    Verdict on_request(filters::Exchange& e) noexcept override {
      e.set_hold_limit(milliseconds(limit));
      return index() == 1 ? Verdict::hold : Verdict::proceed;
    }
    BodyVerdict on_request_body(filters::Exchange& e, base::ByteQueue&, bool) noexcept override {
      e.set_hold_limit(milliseconds(limit));
      return BodyVerdict::buffer;
    }
    milliseconds on_hold_expired(filters::Exchange&) noexcept override { return more; }
    int limit = 0;
    milliseconds more{0};
  };
  BareExchange exchange;
  Holder first(0);
  Holder second(1);
  first.limit = 20;
  second.limit = 10;
  const std::vector<filters::Filter*> hooks = {&first, &second};
  FilterPipeline pipeline(FilterPipeline::Direction::request, exchange, hooks, 0);
  pipeline.start(false);
  const net::TimePoint start{};
  REQUIRE(pipeline.run_head() == FilterPipeline::Outcome::ok);
  CHECK(pipeline.is_blocked());
  CHECK(pipeline.arm(start, milliseconds(99)) == start + milliseconds(10));
  pipeline.incoming().append("x");
  REQUIRE(pipeline.run_body(false) == FilterPipeline::Outcome::ok);
  CHECK(pipeline.arm(start, milliseconds(99)) == start + milliseconds(10));
  REQUIRE(pipeline.run_body(true) == FilterPipeline::Outcome::ok);  // Now the first's counts, too.
  CHECK_FALSE(pipeline.expire(start + milliseconds(5)));
  second.more = milliseconds(30);
  CHECK(pipeline.arm(start, milliseconds(99)) == start + milliseconds(10));
  CHECK_FALSE(pipeline.expire(start + milliseconds(10)));
  CHECK(pipeline.arm(start, milliseconds(99)) == start + milliseconds(20));
  CHECK_FALSE(pipeline.expire(start + milliseconds(20)));  // The first, which holds no head.
  REQUIRE(pipeline.run_continued() == FilterPipeline::Outcome::ok);
  CHECK(pipeline.arm(start, milliseconds(99)) == start + milliseconds(40));
  CHECK(pipeline.is_blocked());
  second.more = milliseconds(0);
  CHECK(pipeline.expire(start + milliseconds(40)));
  CHECK_FALSE(pipeline.is_blocked());
}

TEST_CASE("a request that the idle time ends is held without a limit, unless one was set",
          "[body]") {
  using std::chrono::milliseconds;
  struct Holder final : filters::Filter {
    Holder() : Filter(0) {}
    [[nodiscard]] bool idle_ends_hold() const noexcept override { return true; }
    Verdict on_request(filters::Exchange& e) noexcept override { return hold(e); }
    Verdict on_response(filters::Exchange& e) noexcept override { return hold(e); }
    [[nodiscard]] Verdict hold(filters::Exchange& e) const noexcept {
      e.set_hold_limit(limit);
      return Verdict::hold;
    }
    milliseconds limit{0};
  };
  BareExchange exchange;
  Holder holder;
  const std::vector<filters::Filter*> hooks = {&holder};
  const net::TimePoint start{};
  const auto armed = [&](FilterPipeline::Direction direction, milliseconds limit) {
    holder.limit = limit;
    FilterPipeline pipeline(direction, exchange, hooks, 0);
    pipeline.start(true);
    REQUIRE(pipeline.run_head() == FilterPipeline::Outcome::ok);
    CHECK(pipeline.is_blocked());
    CHECK_FALSE(pipeline.waits());
    return pipeline.arm(start, milliseconds(99));
  };
  using Direction = FilterPipeline::Direction;
  CHECK(armed(Direction::request, milliseconds(0)) == net::TimePoint::max());
  CHECK(armed(Direction::request, milliseconds(10)) == start + milliseconds(10));
  CHECK(armed(Direction::response, milliseconds(0)) == start + milliseconds(99));
  CHECK(armed(Direction::response, milliseconds(10)) == start + milliseconds(10));
}

}  // namespace
}  // namespace holdfast::server

// One request and its response on a downstream connection: filters, route, upstream, filters,
// answer.
//
// Owner: a Session, which has one and uses it for request after request. Thread: the worker's. What
// happens to a request reads from top to bottom: begin -> run_request_filters -> route -> attach ->
// on_response_head -> run_response_filters -> send_response_head -> body -> finish. Functions named
// on_* are told by others. Where a filter has body hooks, messages take the way through bodies_
// instead (exchange_body.cpp). Always holds: at most one response goes downstream; after finish()
// or abandon() nothing refers to this exchange.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "access_log/record.hpp"
#include "base/byte_queue.hpp"
#include "filters/exchange.hpp"
#include "filters/filter.hpp"
#include "http/head_parser.hpp"
#include "server/deadlines.hpp"
#include "server/filter_chain.hpp"
#include "server/filter_pipeline.hpp"
#include "server/response_headers.hpp"
#include "upstream/cluster.hpp"

namespace holdfast::server {

class Session;
enum class HopByHop : std::uint8_t;
struct HttpContext;

class Exchange final : public filters::Exchange,
                       public upstream::ResponseSink,
                       public upstream::PendingRequest {
 public:
  Exchange(Session& session, HttpContext& context);

  // From the session.
  /// The request's head stands in request().
  void begin(const http::HeadResult& result) noexcept;
  /// A head that is not to be served (or none at all): answer without filters, and close.
  void reject(std::uint16_t status, std::string_view body, access_log::Flag flag,
              std::string_view details) noexcept;
  /// The same, and the connection goes on.
  void answer_early(std::uint16_t status, std::string_view body, access_log::Flag flag,
                    std::string_view details) noexcept;
  void on_request_body(std::span<char> bytes, bool end) noexcept;
  /// No more of the request right now: send what was put together from it.
  void on_request_pause() noexcept;
  /// The body's framing is broken.
  void on_request_error() noexcept;
  void on_downstream_drained() noexcept;
  void on_deadline(Deadline which) noexcept;
  /// The client has closed its connection (or the server closes it under the exchange).
  void abandon(access_log::Flag flag, std::string_view details) noexcept;
  /// Do what filters have asked for, a resume, an answer; called by the session in a turn of its
  /// own.
  void continue_after_hold() noexcept;

  /// Between requests: give buffers of more than `keep` bytes back. Returns how much that was.
  std::size_t release_buffers(std::size_t keep) noexcept;

  [[nodiscard]] bool active() const noexcept { return phase_ != Phase::idle; }
  [[nodiscard]] bool resumed() const noexcept { return resumed_; }
  [[nodiscard]] bool request_complete() const noexcept { return request_complete_; }
  /// The answer, or the last one there was, ends with its connection (HTTP/1.0).
  [[nodiscard]] bool close_delimited() const noexcept { return framing_.until_close; }

  // filters::Exchange
  void replace_response(std::uint16_t status, std::string_view body) noexcept override;
  void set_details(std::string_view details) noexcept override { details_ = details; }
  void continue_request(std::size_t filter) noexcept override;
  void continue_response(std::size_t filter) noexcept override;
  void send_local_reply(filters::LocalReplyRequest reply) noexcept override;
  void reset_stream() noexcept override;
  void clear_route_cache() noexcept override { route_stale_ = true; }
  [[nodiscard]] bool request_ends_with_head() const noexcept override {
    return request_ends_with_head_ && request_.method_id() != http::Method::connect;  // As Envoy.
  }
  [[nodiscard]] bool response_ends_with_head() const noexcept override;
  [[nodiscard]] filters::StreamInfo info() noexcept override;
  [[nodiscard]] std::unique_ptr<filters::ConnectionState>& connection_state() noexcept override;

 private:
  /// A hold without a limit of its own (no route, or the route's timeout is off) ends all the same.
  static constexpr std::chrono::minutes kLongestHold{5};

  enum class Phase : std::uint8_t {
    idle,
    request_filters,  ///< With bodies_: until the request is routed, also while held.
    request_held,
    connecting,        ///< Waits in a pool's line.
    waiting,           ///< Has a connection; the response head is not in.
    response_filters,  ///< With bodies_: until the head goes down, also while held.
    response_held,
    responding,  ///< The response head is on its way downstream.
  };
  /// What a filter wants instead of going on.
  enum class Asked : std::uint8_t { nothing, reply, reset };
  /// How much of a body may still be sent: what content-length has promised.
  static constexpr std::uint64_t kAnyLength = UINT64_MAX;
  /// What an exchange needs in addition where a filter has body hooks.
  struct Bodies {
    Bodies(filters::Exchange& exchange, const FilterChain& chain, std::size_t limit)
        : request(FilterPipeline::Direction::request, exchange, chain.request_hooks(), limit),
          response(FilterPipeline::Direction::response, exchange, chain.response_hooks(), limit) {}
    FilterPipeline request;
    FilterPipeline response;
    std::uint64_t request_left = kAnyLength;
    std::uint64_t response_left = kAnyLength;
    bool head_due = false;  ///< There is a connection, and the request's head has not been sent.
    bool request_end_sent = false;
    bool drops_body = false;  ///< The response may have none, whatever came.
    std::string method;       ///< As sent upstream: a filter may still change the head.
  };
  /// Staged heads stand in the worker's write buffer until the end of the piece of input they came
  /// with.
  enum class Staged : std::uint8_t { nothing, request, response };

  void reset_state() noexcept;
  /// Of the Connection field. True: answered.
  bool refuse_options(HopByHop found) noexcept;
  void refuse_upgrade() noexcept;
  /// The one that the request is sent to, or would be. Null: none.
  [[nodiscard]] const upstream::Cluster* routed_cluster() const noexcept;
  void run_request_filters(std::size_t next) noexcept;
  /// Flat: called from two places it would be four calls deep; 20 instructions a request.
  [[gnu::flatten]] void choose_route() noexcept;
  void choose_again() noexcept;
  void route() noexcept;
  void direct_response(const config::DirectResponse& direct) noexcept;
  void forward(const config::ClusterRoute& route) noexcept;
  void acquire(bool fresh) noexcept;
  void attach(upstream::ClientConnection& connection) noexcept;
  /// Out of line, so that append_request_head() is inlined there, not called: 37 instructions.
  [[gnu::noinline]] void stage_request_head() noexcept;
  void send_request(std::span<char> body, bool end) noexcept;
  void request_finished() noexcept;
  void arm_route_deadline() noexcept;
  [[nodiscard]] bool may_retry(upstream::ResetReason reason) const noexcept;
  /// A response's head came, and nothing of it has gone down.
  [[nodiscard]] bool response_begun() const noexcept {
    return response_waits() || (phase_ == Phase::responding && staged_ == Staged::response);
  }
  /// A response is there, and its head is with the filters.
  [[nodiscard]] bool response_waits() const noexcept {
    return phase_ == Phase::response_held || phase_ == Phase::response_filters;
  }
  void upstream_failed(upstream::ResetReason reason) noexcept;
  void local_reply(std::uint16_t status, std::string_view body, access_log::Flag flag,
                   std::string_view details) noexcept;
  void mutate_local_response() noexcept;
  void make_local_response(std::uint16_t status, std::string_view body,
                           bool overloaded = false) noexcept;
  void drop_upstream() noexcept;
  using ReplyFields = std::vector<std::pair<std::string, std::string>>;
  void answer_instead(const LocalReply& reply, const ReplyFields& fields = {}) noexcept;
  void add_reply_fields(std::string_view body, const ReplyFields& fields) noexcept;
  void do_asked() noexcept;
  void ask(Asked what) noexcept;
  void take_turn() noexcept;
  [[nodiscard]] bool filter_holds() const noexcept;
  void hold_expired() noexcept;
  void cancel_holds() noexcept;
  void end_filters() noexcept;
  void run_response_filters(std::size_t next) noexcept;
  void stage_response_head(Origin origin, http::Framing framing) noexcept;
  void send_response_head() noexcept;
  [[nodiscard]] bool decide_close() noexcept;
  void send_response(bool end) noexcept;
  void cut(access_log::Flag flag, std::string_view details) noexcept;
  void finish(bool cut_short) noexcept;
  void count_upstream_response() noexcept;
  void write_access_log() noexcept;
  void touch() noexcept;

  // With bodies_ only.
  void filter_request_head() noexcept;
  void filter_request_body(std::span<char> bytes, bool end) noexcept;
  void filter_request_pause() noexcept;
  void settle_request(FilterPipeline::Outcome outcome) noexcept;
  void pass_request() noexcept;
  void route_filtered() noexcept;
  void pace_request() noexcept;
  void frame_filtered_request() noexcept;
  void begin_filtered_request() noexcept;
  void send_filtered_request() noexcept;
  void write_filtered_request_head() noexcept;
  void filter_response_head(bool ends) noexcept;
  void filter_local_response() noexcept;
  void filter_response_pause() noexcept;
  void filter_response_end() noexcept;
  void settle_response(FilterPipeline::Outcome outcome) noexcept;
  void pass_response() noexcept;
  void pace_response() noexcept;
  void stage_filtered_head() noexcept;
  void continue_filtered() noexcept;
  void arm_holds() noexcept;
  void expire_holds() noexcept;

  // upstream::PendingRequest
  void on_connection_ready(upstream::ClientConnection& connection) noexcept override;
  void on_connection_failed(upstream::ResetReason reason, int error) noexcept override;
  // upstream::ResponseSink
  http::Head& response_head() noexcept override { return response_; }
  http::Trailers* kept_trailers() noexcept override;
  void on_informational() noexcept override {}  // As Envoy: 1xx from the upstream stay here.
  void on_response_head(const http::HeadResult& result) noexcept override;
  void on_response_body(std::span<char> bytes) noexcept override;
  void on_response_pause() noexcept override;
  [[nodiscard]] bool can_splice() noexcept override;
  [[nodiscard]] net::Stream::ReadResult splice_body(net::Stream& upstream,
                                                    std::size_t most) noexcept override;
  void on_response_end() noexcept override;
  void on_reset(upstream::ResetReason reason) noexcept override;
  void on_request_drained() noexcept override;
  // filters::Exchange
  [[nodiscard]] bool is_held() const noexcept override;
  void resume() noexcept override;

  // Constant after construction.
  Session& session_;
  HttpContext& context_;
  // Touched only on the worker. Reset for each request.
  Phase phase_ = Phase::idle;
  Staged staged_ = Staged::nothing;
  Asked asked_ = Asked::nothing;
  bool resumed_ = false;   ///< A turn is to come: something goes on, or was asked for.
  bool local_ = false;     ///< The response is ours.
  bool rejected_ = false;  ///< Ours, and not for the filters.
  bool head_request_ = false;
  bool keep_alive_ = true;         ///< As far as the request is concerned.
  bool request_complete_ = false;  ///< All of it has arrived.
  bool request_whole_ = false;     ///< And has passed the filters.
  bool request_ends_with_head_ = false;
  bool response_ends_with_head_ = false;  ///< The upstream's.
  bool route_stale_ = false;              ///< To be chosen anew when it is needed.
  bool ending_ = false;                   ///< Inside finish().
  bool upstream_complete_ = false;
  bool chunked_request_ = false;
  bool upstream_turn_ = false;  ///< Inside on_response_head().
  bool retried_ = false;
  bool sent_body_ = false;            ///< Request body bytes went upstream: no retry.
  std::size_t filter_ = 0;            ///< Hook that runs or holds.
  std::unique_ptr<Bodies> bodies_;    ///< Null: no filter has body hooks.
  filters::LocalReplyRequest reply_;  ///< For Asked::reply.
  const config::Route* route_ = nullptr;
  upstream::Cluster* cluster_ = nullptr;
  upstream::ClientConnection* upstream_ = nullptr;
  upstream::HostPool* waiting_in_ = nullptr;
  base::ByteQueue request_stash_;   ///< Body that came before there was a connection.
  base::ByteQueue response_stash_;  ///< Body of a held response, or of a local reply.
  std::span<char> body_;            ///< Of this turn's input, not sent yet.
  http::Framing response_framing_ = http::Framing::none;  ///< The upstream's.
  ClientFraming framing_;                                 ///< Ours.
  std::uint64_t bytes_received_ = 0;
  std::uint64_t bytes_sent_ = 0;
  access_log::Flags flags_{};
  std::string_view details_;
  std::string details_text_;  ///< Backs details_ where it is no literal.
  int connect_error_ = 0;
  std::string upstream_host_;
  std::string upstream_local_;  ///< Our end of that connection.
  std::chrono::system_clock::time_point wall_start_;
  net::TimePoint start_;
  net::TimePoint request_end_;     ///< Its last byte arrived.
  net::TimePoint request_passed_;  ///< It was whole for the upstream.
  net::TimePoint upstream_asked_;  ///< A host was chosen.
  net::TimePoint upstream_start_;  ///< The first byte was sent there.
  net::TimePoint response_start_;
  net::TimePoint response_end_;
};

}  // namespace holdfast::server

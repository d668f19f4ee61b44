// In steady state an exchange costs no allocation but what the plugin itself asks for.
#include "allocation_counter.hpp"
#include "catch.hpp"
#include "wasm/plugin_fixture.hpp"

namespace holdfast::wasm {
namespace {

/// Takes calls without a trace, and gives one back.
class QuietWorker final : public WorkerHost {
 public:
  Status start_call(const CallRequest& /*request*/, CallSink& to,
                    std::uint32_t token) noexcept override {
    sink = &to;
    last = token;
    return Status::ok;
  }
  void cancel_call(CallSink& /*sink*/, std::uint32_t /*token*/) noexcept override {}
  void set_timer(const void* /*owner*/, std::chrono::milliseconds /*delay*/,
                 std::function<void()> /*tick*/) override {}
  void clear_timer(const void* /*owner*/) noexcept override {}
  void post(std::function<void()> /*task*/) override {}
  [[nodiscard]] Property property(std::string_view /*path*/) noexcept override { return {}; }

  CallSink* sink = nullptr;
  std::uint32_t last = 0;
};

class QuietStream final : public StreamHost {
 public:
  [[nodiscard]] HeaderMap* headers(MapType /*type*/) noexcept override { return &map; }
  void on_headers_modified(MapType /*type*/) noexcept override {}
  [[nodiscard]] std::optional<std::string_view> body(BufferType /*type*/) noexcept override {
    return "body";
  }
  Status edit_body(BufferType, std::size_t, std::size_t, std::string_view) noexcept override {
    return Status::ok;
  }
  void resume(StreamType /*type*/) noexcept override { ++resumed; }
  void close(StreamType /*type*/) noexcept override {}
  void send_local_response(LocalResponse&& /*response*/) noexcept override {}
  void clear_route_cache() noexcept override {}
  [[nodiscard]] Property property(std::string_view /*path*/) noexcept override { return {}; }
  Status set_property(std::string_view, std::string_view,
                      const PropertyKind& /*kind*/) noexcept override {
    return Status::ok;
  }
  Status set_filter_state(std::string_view, std::string_view, Span /*span*/) noexcept override {
    return Status::ok;
  }
  void on_plugin_failed() noexcept override {}

  FakeHeaders map;
  unsigned resumed = 0;
};

TEST_CASE_METHOD(PluginFixture, "a paused exchange with calls allocates nothing in steady state",
                 "[wasm]") {
  Wat wat;
  const std::string call = "(drop (call $http_call " + wat.text("cluster") +
                           wat.pairs(":method: GET\n:path: /\n:authority: ") +
                           ints(0, 0, 0, 0, 100, 24) + "))";
  wat.quiet("proxy_on_request_headers", 3, 0,
            "(drop (call $get_header_map_pairs " + ints(0, 16, 20) + "))")
      .quiet("proxy_on_response_headers", 3, 1, call)
      .add(
          "(func (export \"proxy_on_http_call_response\") (param i32 i32 i32 i32 i32)"
          " (drop (call $set_effective_context (i32.load (i32.const 32))))"
          " (drop (call $continue_stream (i32.const 1))))")
      .add(
          "(func (export \"proxy_on_context_create\") (param i32 i32) (i32.store (i32.const 32) "
          "(local.get 0)))")
      .quiet("proxy_on_response_body", 3, 0,
             "(drop (call $get_buffer_bytes " + ints(1, 0, -1, 16, 20) + "))")
      .quiet("proxy_on_log", 1, -1, "(drop (call $log " + ints(0, 0, 100) + "))")
      .quiet("proxy_on_done", 1, 1)
      .quiet("proxy_on_delete", 1, -1);
  QuietWorker quiet;
  host = PluginHost::make(quiet, shared, *stats, 1);
  Plugin& plugin = start(wat);
  QuietStream stream;
  stream.map.pairs = {{":path", "/a/path/that/is/longer/than/small/strings"}, {"a", "b"}};
  CallReply reply;
  reply.kind = CallReply::Kind::response;
  const auto exchange = [&] {
    StreamContext* context = plugin.begin(stream);
    (void)context->on_request_headers(2, true);
    (void)context->on_response_headers(2, false);
    quiet.sink->on_call_reply(quiet.last, reply);
    (void)context->on_response_body(4, true);
    context->end(true);
  };
  for (int i = 0; i < 100; ++i) exchange();
  const std::size_t before = allocations.load();
  for (int i = 0; i < 100; ++i) exchange();
  CHECK(allocations.load() - before == 0);
  CHECK(stream.resumed == 200);
  host.reset();  // Before its worker.
}

}  // namespace
}  // namespace holdfast::wasm

// The plugin host against a plugin that does anything (scripted_guest.hpp): whatever it calls, and
// when, with which arguments, and however it traps, nothing crashes or leaks, what it makes of
// heads may be sent, what it asks for is told once and never after the exchange's end, and all
// gauges are zero at the end. Options: 1 = ABI 0.1.0, 2 = each call is traced, 4 = the plugins have
// the least of memory. The bytes are a script, read by the host and by the plugin in turn; what the
// host does:
//   'n' S        an exchange begins in place S (one that is there ends)
//   'c' 'h' 't' 'H' 'T' S    context, request headers, trailers, response headers, trailers
//   'b' 'B' S N  more of the request's, response's body: N bytes, the last ones if N is odd
//   'l' 'e' 'x' S            log, end, end because the client has left
//   'r' 'z' N    a call is answered; is reset
//   'w' N        time goes on by 10 N ms      'p'  posted tasks run
#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "base/log.hpp"
#include "fuzz.hpp"
#include "plugin_surroundings.hpp"
#include "scripted_guest.hpp"
#include "stats/custom_stats.hpp"
#include "wasm/engine.hpp"
#include "wasm/plugin.hpp"
#include "wasm/plugin_stats.hpp"
#include "wasm/shared_state.hpp"

namespace {

using namespace holdfast;
using namespace holdfast::fuzz;
using wasm::BufferType;
using wasm::MapType;

constexpr std::size_t kPlugins = 2;
constexpr std::size_t kStreams = 4;
/// Of reactions inside reactions.
constexpr unsigned kDeepest = 8;

struct Modules {
  std::shared_ptr<wasm::Engine> engine;
  std::shared_ptr<const wasm::Module> newest, oldest;
};

const Modules& modules() {
  static const Modules all = [] {
    base::LogOptions log;
    log.path = "/dev/null";
    require(base::configure_log(log).empty());
    Modules made;
    std::string error;
    made.engine =
        wasm::Engine::make({.cache_directory = "none", .imports = ScriptedGuest::imports()}, error);
    if (made.engine == nullptr) std::fprintf(stderr, "%s\n", error.c_str());
    require(made.engine != nullptr);
    const auto compile = [&](std::string_view mark) {
      auto module = made.engine->compile(ScriptedGuest::module(mark), error);
      if (module == nullptr) std::fprintf(stderr, "%s\n", error.c_str());
      require(module != nullptr);
      return module;
    };
    made.newest = compile("proxy_abi_version_0_2_1");
    made.oldest = compile("proxy_abi_version_0_1_0");
    return made;
  }();
  return all;
}

std::shared_ptr<const wasm::PluginConfig> config(const Input& input, std::size_t number) {
  auto made = std::make_shared<wasm::PluginConfig>();
  made->name = "plugin" + std::to_string(number);
  made->root_id = "root";
  made->configuration = "configured";
  made->vm_id = "vm";
  made->vm_configuration = "vm configured";
  made->environment = {{"NAME", "value"}, {"EMPTY", ""}};
  made->module = input.has(1) ? modules().oldest : modules().newest;
  made->code_key = "code";
  made->reload_backoff = std::chrono::milliseconds{100};
  made->limits.callback = std::chrono::milliseconds{10};
  made->limits.start = std::chrono::milliseconds{10};
  made->limits.memory = input.has(4) ? 4UL * 65'536 : 16UL << 20U;
  return made;
}

class Run {
 public:
  explicit Run(const Input& input) : script_(input.bytes), guest_(script_) {
    for (std::size_t i = 0; i < kPlugins; ++i) plugins_[i] = &host_->add(config(input, i));
  }
  void go() {
    host_->start();
    while (!script_.over()) step(script_.byte());
    for (std::size_t i = 0; i < kStreams; ++i) end(i, false);
    require(stats_->vms_active.get() <= 1);  // Those that have trapped are gone with the exchanges.
    require(stats_->calls_active.get() == worker_.calls());
    host_.reset();
    worker_.run_posted();  // They find nobody.
    require(worker_.calls() == 0 && worker_.timers() == 0);
    require(stats_->vms_active.get() == 0 && stats_->calls_active.get() == 0);
    require(stats_->memory_bytes.get() == 0);
  }

 private:
  void step(std::uint8_t what) {
    switch (what) {
      case 'r':
      case 'z':
        return answer(what == 'r');
      case 'w':
        return worker_.advance(std::chrono::milliseconds{10} * script_.byte());
      case 'p':
        return worker_.run_posted();
      default:
        break;
    }
    const std::size_t place = script_.byte() % kStreams;
    if (what == 'n') begin(place);
    if (what == 'e' || what == 'x') end(place, what == 'x');
    FuzzStream* stream = streams_[place].get();
    if (stream == nullptr || stream->context == nullptr) return;
    call(what, *stream);
    stream->check();
  }

  void begin(std::size_t place) {
    end(place, false);
    streams_[place] = std::make_unique<FuzzStream>([this](FuzzStream& stream) { react(stream); });
    streams_[place]->context = plugins_[place % kPlugins]->begin(*streams_[place]);
  }

  void end(std::size_t place, bool client_left) {
    if (streams_[place] != nullptr) end(*streams_[place], client_left);
  }

  static void end(FuzzStream& stream, bool client_left) {
    wasm::StreamContext* const context = stream.context;
    if (context == nullptr || stream.ending) return;
    stream.ending = true;
    context->log();
    context->end(client_left);
    stream.context = nullptr;
    stream.check();
  }

  /// What an exchange does when a plugin has asked it for something. It may be over then.
  void react(FuzzStream& stream) {
    if (depth_ == kDeepest) return;
    ++depth_;
    const std::uint8_t what = script_.byte();
    if (what == 'e' || what == 'x') {
      end(stream, what == 'x');
    } else if (what != '.') {
      call(what, stream);
    }
    --depth_;
  }

  void body(FuzzStream& stream, BufferType type) {
    const std::uint8_t size = script_.byte();
    stream.receive(type, size);
    const auto all = static_cast<std::uint32_t>(stream.queue(type).size());
    const bool last = size % 2 != 0;
    const wasm::Action action = type == BufferType::request_body
                                    ? stream.context->on_request_body(all, last)
                                    : stream.context->on_response_body(all, last);
    if (action == wasm::Action::proceed) stream.queue(type).clear();
  }

  void call(std::uint8_t what, FuzzStream& stream) {
    wasm::StreamContext& context = *stream.context;
    require(context.pending_calls() <= worker_.calls());
    switch (what) {
      case 'c':
        return context.create();
      case 'h':
        return static_cast<void>(
            context.on_request_headers(stream.count(MapType::request_headers), false));
      case 't':
        return static_cast<void>(
            context.on_request_trailers(stream.count(MapType::request_trailers)));
      case 'H':
        stream.start_response();
        return static_cast<void>(
            context.on_response_headers(stream.count(MapType::response_headers), true));
      case 'T':
        return static_cast<void>(
            context.on_response_trailers(stream.count(MapType::response_trailers)));
      case 'b':
        return body(stream, BufferType::request_body);
      case 'B':
        return body(stream, BufferType::response_body);
      case 'l':
        return context.log();
      default:
        return;
    }
  }

  void answer(bool came) {
    wasm::CallReply reply;
    if (came) {
      reply.kind = wasm::CallReply::Kind::response;
      reply.headers = {{":status", "200"}, {"x-a", "1"}};
      reply.body = "reply";
      reply.trailers = {{"t", "1"}};
    }
    worker_.answer(script_.byte(), reply);
  }

  Script script_;
  ScriptedGuest guest_;
  stats::CustomStats metrics_{1};
  wasm::SharedState shared_{metrics_};
  std::unique_ptr<wasm::PluginStats> stats_ = std::make_unique<wasm::PluginStats>();
  FuzzWorker worker_;
  std::unique_ptr<wasm::PluginHost> host_ = wasm::PluginHost::make(worker_, shared_, *stats_, 0);
  std::array<wasm::Plugin*, kPlugins> plugins_{};
  std::array<std::unique_ptr<FuzzStream>, kStreams> streams_;
  unsigned depth_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  (void)modules();
  base::set_log_level(base::Component::wasm,
                      input.has(2) ? base::LogLevel::trace : base::LogLevel::info);
  Run(input).go();
  return 0;
}

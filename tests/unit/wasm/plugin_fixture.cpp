#include "wasm/plugin_fixture.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/log.hpp"
#include "catch.hpp"
#include "wasm/engine.hpp"
#include "wasm_signals.hpp"

namespace holdfast::wasm {

std::optional<std::string_view> FakeHeaders::get(std::string_view name) const noexcept {
  for (const auto& [own, value] : pairs) {
    if (own == name) return value;
  }
  return std::nullopt;
}

Status FakeHeaders::add(std::string_view name, std::string_view value) noexcept {
  if (name.empty() || value.find('\n') != std::string_view::npos) return Status::bad_argument;
  pairs.emplace_back(name, value);
  return Status::ok;
}

Status FakeHeaders::set(std::string_view name, std::string_view value) noexcept {
  for (auto& [own, old] : pairs) {
    if (own != name) continue;
    old = value;
    return Status::ok;
  }
  return add(name, value);
}

Status FakeHeaders::remove(std::string_view name) noexcept {
  std::erase_if(pairs, [name](const auto& pair) { return pair.first == name; });
  return Status::ok;
}

Status FakeHeaders::assign(const Pairs& from) noexcept {
  pairs.assign(from.begin(), from.end());
  return Status::ok;
}

Lines FakeHeaders::lines() const {
  Lines out;
  for (const auto& [name, value] : pairs) out.push_back(name + ": " + value);
  return out;
}

void FakeStream::event(std::string what, int number) {
  if (number >= 0) what += " " + std::to_string(number);
  events.push_back(std::move(what));
  if (on_event) on_event();
}

HeaderMap* FakeStream::headers(MapType type) noexcept {
  const auto at = maps.find(type);
  return at == maps.end() ? nullptr : &at->second;
}

void FakeStream::on_headers_modified(MapType type) noexcept {
  event("modified", static_cast<int>(type));
}

std::optional<std::string_view> FakeStream::body(BufferType type) noexcept {
  const auto at = bodies.find(type);
  if (at == bodies.end()) return std::nullopt;
  return at->second;
}

Status FakeStream::edit_body(BufferType type, std::size_t start, std::size_t length,
                             std::string_view data) noexcept {
  event("edit " + std::to_string(static_cast<int>(type)) + " " + std::to_string(start) + " " +
        std::to_string(length) + " " + std::string(data));
  return Status::ok;
}

void FakeStream::send_local_response(LocalResponse&& response) noexcept {
  reply = std::move(response);
  event("reply " + std::to_string(reply.status) + " " + reply.body);
}

Property FakeStream::property(std::string_view path) noexcept {
  const auto at = properties.find(std::string(path));
  return at == properties.end() ? Property{} : Property{Status::ok, at->second};
}

Status FakeStream::set_property(std::string_view path, std::string_view value,
                                const PropertyKind& kind) noexcept {
  properties[std::string(path)] = value;
  kinds[std::string(path)] = kind;
  return Status::ok;
}

Status FakeStream::set_filter_state(std::string_view name, std::string_view value,
                                    Span span) noexcept {
  event("state " + std::string(name) + " " + std::string(value), static_cast<int>(span));
  return Status::ok;
}

Status FakeWorker::start_call(const CallRequest& request, CallSink& sink,
                              std::uint32_t token) noexcept {
  if (call_status != Status::ok) return call_status;
  calls.push_back({&sink,
                   token,
                   std::string(request.cluster),
                   {request.headers.begin(), request.headers.end()},
                   std::string(request.body),
                   {request.trailers.begin(), request.trailers.end()},
                   request.timeout});
  return Status::ok;
}

void FakeWorker::cancel_call(CallSink& sink, std::uint32_t token) noexcept {
  std::erase_if(calls, [&](const Call& call) { return call.sink == &sink && call.token == token; });
  cancelled.push_back(token);
}

void FakeWorker::set_timer(const void* owner, std::chrono::milliseconds delay,
                           std::function<void()> tick) {
  timers_[owner] = {now_ + delay, std::move(tick)};
}

Property FakeWorker::property(std::string_view path) noexcept {
  const auto at = properties.find(std::string(path));
  return at == properties.end() ? Property{} : Property{Status::ok, at->second};
}

void FakeWorker::advance(std::chrono::milliseconds by) {
  const std::chrono::milliseconds end = now_ + by;
  for (;;) {
    const auto next =
        std::min_element(timers_.begin(), timers_.end(),
                         [](const auto& a, const auto& b) { return a.second.due < b.second.due; });
    if (next == timers_.end() || next->second.due > end) break;
    now_ = std::max(now_, next->second.due);
    const std::function<void()> tick = std::move(next->second.tick);
    timers_.erase(next);
    tick();
  }
  now_ = end;
}

void FakeWorker::run_posted() {
  while (!posted_.empty()) run_one_posted();
}

void FakeWorker::run_one_posted() {
  const std::function<void()> task = std::move(posted_.front());
  posted_.pop_front();
  task();
}

void FakeWorker::answer(const CallReply& reply) {
  const Call call = calls.front();
  calls.pop_front();
  call.sink->on_call_reply(call.token, reply);
}

LogFile::LogFile() {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-wasm-log-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  REQUIRE(fd >= 0);
  ::close(fd);
  path_ = name;
  base::LogOptions options;
  options.path = path_;
  options.format = "%l %v";
  REQUIRE(base::configure_log(options).empty());
}

LogFile::~LogFile() {
  (void)base::configure_log({});
  std::filesystem::remove(path_);
}

Lines LogFile::take() {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(read_));
  Lines out;
  for (std::string line; std::getline(file, line);) {
    read_ += line.size() + 1;
    out.push_back(line);
  }
  return out;
}

namespace {

std::shared_ptr<Engine> engine() {
  static const std::shared_ptr<Engine> instance = [] {
    std::string error;
    auto made = Engine::make({.cache_directory = "none"}, error);
    INFO(error);
    REQUIRE(made != nullptr);
    WasmSignals::keep();
    return made;
  }();
  return instance;
}

}  // namespace

PluginFixture::PluginFixture() {
  (void)engine();
  WasmSignals::use();
}

std::shared_ptr<PluginConfig> PluginFixture::config(const Wat& wat, std::string name) {
  std::string error;
  auto made = std::make_shared<PluginConfig>();
  made->module = engine()->compile(wat.module(), error);
  INFO(error);
  REQUIRE(made->module != nullptr);
  made->name = std::move(name);
  made->root_id = "root";
  made->vm_id = "vm";
  made->configuration = "configured";
  made->vm_configuration = "vm configured";
  made->code_key = std::to_string(std::hash<std::string>()(wat.module()));
  return made;
}

Plugin& PluginFixture::start(std::shared_ptr<const PluginConfig> config) {
  Plugin& plugin = host->add(std::move(config));
  host->start();
  return plugin;
}

Lines PluginFixture::said() {
  Lines out;
  for (std::string& line : log.take()) {
    const std::size_t colon = line.find(": ");
    const bool of_plugin = line.find("wasm log") != std::string::npos && colon != std::string::npos;
    out.push_back(of_plugin ? line.substr(colon + 2) : std::move(line));
  }
  return out;
}

StreamContext* PluginFixture::request(Plugin& plugin, FakeStream& stream) {
  StreamContext* const context = plugin.begin(stream);
  REQUIRE(context != nullptr);
  (void)context->on_request_headers(8, true);
  return context;
}

std::uint64_t PluginFixture::traps() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(TrapKind::count_); ++i) {
    sum += trap_cell(*stats, static_cast<TrapKind>(i)).get();
  }
  return sum;
}

}  // namespace holdfast::wasm

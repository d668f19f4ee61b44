#include "upstream/cluster_source_timer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <utility>

namespace holdfast::upstream {
namespace {

namespace asio = boost::asio;

class AsioTimer : public Timer {
 public:
  explicit AsioTimer(asio::io_context& io) : timer_(io) {}
  ~AsioTimer() override = default;
  AsioTimer(const AsioTimer&) = delete;
  AsioTimer& operator=(const AsioTimer&) = delete;

  void start(std::chrono::milliseconds delay, std::function<void()> callback) override {
    // A handler that had already expired when it was replaced comes without an error: only `armed`
    // stops it.
    armed_ = std::make_shared<std::function<void()>>(std::move(callback));
    timer_.expires_after(delay);
    timer_.async_wait([armed = std::weak_ptr(armed_)](const boost::system::error_code& error) {
      const auto alive = armed.lock();
      if (!error && alive) (*alive)();
    });
  }

  void cancel() override {
    armed_.reset();
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  // Shared: with the handler while it runs, since the callback may destroy this timer.
  std::shared_ptr<std::function<void()>> armed_;
};

}  // namespace

TimerFactory asio_timers(asio::io_context& io) {
  return [&io] { return std::make_unique<AsioTimer>(io); };
}

}  // namespace holdfast::upstream

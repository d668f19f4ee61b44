#include "net/worker.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <future>
#include <string>

namespace holdfast::net {

// UNSAFE_IO: reactor locks off, as one thread runs the context; post() from other threads stays
// legal.
Worker::Worker(unsigned index)
    : index_(index), io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), reactor_(io_) {}

Worker::~Worker() {
  stop_and_join();
}

void Worker::start() {
  work_.emplace(io_.get_executor());
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), ("worker_" + std::to_string(index_)).c_str());
    reactor_.start();
    io_.run();
  });
}

void Worker::post(std::function<void()> task) {
  asio::post(io_, [this, task = std::move(task)] { reactor_.run_turn(task); });
  reactor_.ring();
}

void Worker::run_and_wait(std::function<void()> task) {
  std::promise<void> done;
  post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

void Worker::stop_and_join() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    reactor_.stop();
    work_.reset();
    io_.stop();
  });
  reactor_.ring();
  thread_.join();
}

}  // namespace holdfast::net

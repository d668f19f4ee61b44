// The composition root: builds workers, clusters, listeners and the admin server from a
// configuration, and runs them.
//
// Owner: app/main. The control thread is the one that calls run(): signals, DNS, admin and drain
// live there; each worker has a thread of its own. Destruction order is the reverse of
// construction: workers stop first.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "config/config.hpp"

namespace holdfast::server {

struct Options {
  unsigned concurrency = 1;  ///< Workers; at least 1.
  std::chrono::seconds drain_time{30};
  std::string version;             ///< "0.1.0"
  std::string command_line;        ///< For /server_info.
  std::string config_path;         ///< For /server_info.
  std::string admin_address_path;  ///< Where to write the admin address; empty = nowhere.
  std::string notify_socket;       ///< The service manager's ($NOTIFY_SOCKET); empty = none.
};

class Server {
 public:
  /// REQUIRES: `config` outlives the server.
  Server(const config::Bootstrap& config, Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds, serves until SIGTERM, SIGINT or /quitquitquit, drains. 0, or 1 when an address can't be
  /// bound or a log can't be opened (said in the log).
  [[nodiscard]] int run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::server

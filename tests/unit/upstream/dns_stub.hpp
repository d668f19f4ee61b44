// A DNS server for tests: UDP and TCP on one loopback port, answering from a table that the test
// changes at will.
//
// Runs on the test's io_context, one thread, no sleeps. A name that isn't in the table is NXDOMAIN;
// a name that has no reply for the asked type is NODATA.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace holdfast::test {

enum class RecordType : std::uint16_t { a = 1, cname = 5, aaaa = 28 };
enum class Rcode : std::uint8_t { ok = 0, servfail = 2, nxdomain = 3, refused = 5 };

struct Record {
  RecordType type;
  std::string value;  ///< An IP literal, or a CNAME's target.
  std::uint32_t ttl = 60;
  std::string owner;  ///< Empty = the name asked for.
};

struct Reply {
  Rcode rcode = Rcode::ok;
  std::vector<Record> records{};
  bool silent = false;        ///< No reply at all.
  bool truncate_udp = false;  ///< Over UDP: no records and the TC bit.
  int hold = 0;               ///< Silent for so many queries, then answers.
};

class DnsStub {
 public:
  explicit DnsStub(boost::asio::io_context& io);
  ~DnsStub();
  DnsStub(const DnsStub&) = delete;
  DnsStub& operator=(const DnsStub&) = delete;

  void set(const std::string& name, RecordType type, Reply reply);
  void forget(const std::string& name);  ///< NXDOMAIN from now on.
  /// A records of `name`, all with `ttl`; none = NODATA.
  void set_a(const std::string& name, const std::vector<std::string>& ips, std::uint32_t ttl = 60);
  /// Changes the bytes of each reply before they leave.
  void mutate(std::function<void(std::string&)> mutator) { mutator_ = std::move(mutator); }

  /// Closes the sockets, and binds the same port again.
  void stop();
  void start();

  [[nodiscard]] config::SocketAddress address() const;
  [[nodiscard]] int udp_queries() const { return udp_queries_; }
  [[nodiscard]] int tcp_queries() const { return tcp_queries_; }
  [[nodiscard]] int queries(const std::string& name, RecordType type) const;

 private:
  struct Udp;
  struct Tcp;
  struct TcpSession;
  enum class Transport : std::uint8_t { udp, tcp };

  /// Empty = no reply.
  std::string respond(const std::string& query, Transport transport);
  void receive();
  void accept();
  static void read(const std::shared_ptr<TcpSession>& session);

  boost::asio::io_context& io_;
  std::uint16_t port_ = 0;
  // Shared: with handlers under way.
  std::shared_ptr<Udp> udp_;
  std::shared_ptr<Tcp> tcp_;
  std::map<std::pair<std::string, std::uint16_t>, Reply> replies_;
  std::map<std::pair<std::string, std::uint16_t>, int> asked_;
  std::function<void(std::string&)> mutator_;
  int udp_queries_ = 0;
  int tcp_queries_ = 0;
};

/// Runs `io` until `done`; false after `limit`.
bool run_until(boost::asio::io_context& io, const std::function<bool()>& done,
               std::chrono::seconds limit = std::chrono::seconds(20));

}  // namespace holdfast::test

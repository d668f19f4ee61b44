#include "dns_stub.hpp"

#include <arpa/inet.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

namespace holdfast::test {
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

struct DnsStub::Udp {
  explicit Udp(asio::io_context& io) : socket(io) {}
  udp::socket socket;
  udp::endpoint peer;
  std::array<char, 4096> buffer{};
};

struct DnsStub::Tcp {
  explicit Tcp(asio::io_context& io) : acceptor(io) {}
  tcp::acceptor acceptor;
  std::vector<std::weak_ptr<TcpSession>> sessions;
};

struct DnsStub::TcpSession {
  TcpSession(DnsStub& owner, tcp::socket accepted) : stub(owner), socket(std::move(accepted)) {}
  DnsStub& stub;
  tcp::socket socket;
  std::array<unsigned char, 2> length{};
  std::string query;
  std::string reply;
};

namespace {

constexpr std::size_t kHeader = 12;

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 0xffU);
  out += static_cast<char>(value & 0xffU);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffffU);
}

void put_name(std::string& out, const std::string& name) {
  std::size_t begin = 0;
  while (begin < name.size()) {
    std::size_t end = name.find('.', begin);
    if (end == std::string::npos) end = name.size();
    out += static_cast<char>(end - begin);
    out += name.substr(begin, end - begin);
    begin = end + 1;
  }
  out += '\0';
}

void put_record(std::string& out, const std::string& asked, const Record& record) {
  put_name(out, record.owner.empty() ? asked : record.owner);
  put16(out, static_cast<unsigned>(record.type));
  put16(out, 1);
  put32(out, record.ttl);
  std::string data;
  if (record.type == RecordType::cname) {
    put_name(data, record.value);
  } else {
    const bool v4 = record.type == RecordType::a;
    data.resize(v4 ? 4 : 16);
    if (inet_pton(v4 ? AF_INET : AF_INET6, record.value.c_str(), data.data()) != 1) {
      throw std::logic_error("bad address in a test: " + record.value);
    }
  }
  put16(out, static_cast<unsigned>(data.size()));
  out += data;
}

/// Name (lower case) and type of the question; `end` is where it ends.
std::pair<std::string, std::uint16_t> question(const std::string& query, std::size_t& end) {
  std::string name;
  std::size_t at = kHeader;
  while (at < query.size() && query[at] != '\0') {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(query[at]));
    if (!name.empty()) name += '.';
    name += query.substr(at + 1, length);
    at += length + 1;
  }
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto high = static_cast<unsigned char>(query.at(at + 1));
  const auto low = static_cast<unsigned char>(query.at(at + 2));
  end = at + 5;
  return {name, static_cast<std::uint16_t>(high << 8 | low)};
}

}  // namespace

DnsStub::DnsStub(asio::io_context& io) : io_(io) {
  start();
}
DnsStub::~DnsStub() {
  stop();
}

void DnsStub::start() {
  // The port that UDP got may be taken for TCP; another try gets another port.
  for (int tries = 0;; ++tries) {
    udp_ = std::make_shared<Udp>(io_);
    tcp_ = std::make_shared<Tcp>(io_);
    const auto loopback = asio::ip::address_v4::loopback();
    udp_->socket.open(udp::v4());
    udp_->socket.bind({loopback, port_});
    const std::uint16_t port = udp_->socket.local_endpoint().port();
    boost::system::error_code error;
    tcp_->acceptor.open(tcp::v4());
    tcp_->acceptor.set_option(tcp::acceptor::reuse_address(true));
    tcp_->acceptor.bind({loopback, port}, error);
    if (!error) {
      tcp_->acceptor.listen();
      port_ = port;
      break;
    }
    if (tries == 20) throw std::runtime_error("no free port for the DNS stub");
  }
  receive();
  accept();
}

void DnsStub::stop() {
  if (!udp_) return;
  udp_->socket.close();
  tcp_->acceptor.close();
  for (const auto& weak : tcp_->sessions) {
    if (const auto session = weak.lock()) session->socket.close();
  }
  udp_.reset();
  tcp_.reset();
}

void DnsStub::set(const std::string& name, RecordType type, Reply reply) {
  replies_[{name, static_cast<std::uint16_t>(type)}] = std::move(reply);
}

void DnsStub::forget(const std::string& name) {
  std::erase_if(replies_, [&name](const auto& entry) { return entry.first.first == name; });
}

void DnsStub::set_a(const std::string& name, const std::vector<std::string>& ips,
                    std::uint32_t ttl) {
  Reply reply;
  for (const std::string& ip : ips) reply.records.push_back({RecordType::a, ip, ttl, ""});
  set(name, RecordType::a, std::move(reply));
}

config::SocketAddress DnsStub::address() const {
  return {"127.0.0.1", port_, {}};
}

int DnsStub::queries(const std::string& name, RecordType type) const {
  const auto it = asked_.find({name, static_cast<std::uint16_t>(type)});
  return it == asked_.end() ? 0 : it->second;
}

std::string DnsStub::respond(const std::string& query, Transport transport) {
  (transport == Transport::udp ? udp_queries_ : tcp_queries_)++;
  std::size_t end = 0;
  const auto key = question(query, end);
  ++asked_[key];
  Reply missing;
  const auto known = replies_.lower_bound({key.first, 0});
  if (known == replies_.end() || known->first.first != key.first) missing.rcode = Rcode::nxdomain;
  const auto it = replies_.find(key);
  Reply& reply = it == replies_.end() ? missing : it->second;
  if (reply.silent || (reply.hold > 0 && reply.hold-- > 0)) return {};

  const bool truncated = reply.truncate_udp && transport == Transport::udp;
  std::string out = query.substr(0, 2);
  put16(out, 0x8180U | (truncated ? 0x0200U : 0U) | static_cast<unsigned>(reply.rcode));
  put16(out, 1);
  put16(out, truncated ? 0 : static_cast<unsigned>(reply.records.size()));
  put32(out, 0);
  out += query.substr(kHeader, end - kHeader);
  if (!truncated) {
    for (const Record& record : reply.records) put_record(out, key.first, record);
  }
  if (mutator_) mutator_(out);
  return out;
}

void DnsStub::receive() {
  udp_->socket.async_receive_from(
      asio::buffer(udp_->buffer), udp_->peer,
      [this, live = udp_](const boost::system::error_code& error, std::size_t size) {
        if (error == asio::error::operation_aborted || live != udp_) return;
        if (!error) {
          const std::string out = respond({live->buffer.data(), size}, Transport::udp);
          boost::system::error_code ignored;  // The resolver may have closed its socket.
          if (!out.empty()) live->socket.send_to(asio::buffer(out), live->peer, 0, ignored);
        }
        receive();
      });
}

void DnsStub::accept() {
  tcp_->acceptor.async_accept(
      [this, live = tcp_](const boost::system::error_code& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted || live != tcp_) return;
        if (!error) {
          auto session = std::make_shared<TcpSession>(*this, std::move(socket));
          live->sessions.push_back(session);
          read(session);
        }
        accept();
      });
}

void DnsStub::read(const std::shared_ptr<TcpSession>& session) {
  asio::async_read(
      session->socket, asio::buffer(session->length),
      [session](const boost::system::error_code& error, std::size_t) {
        if (error) return;
        session->query.resize(
            static_cast<std::size_t>(session->length[0] << 8 | session->length[1]));
        asio::async_read(
            session->socket, asio::buffer(session->query),
            [session](const boost::system::error_code& failed, std::size_t) {
              if (failed) return;
              const std::string out = session->stub.respond(session->query, Transport::tcp);
              if (out.empty()) return read(session);
              session->reply.clear();
              put16(session->reply, static_cast<unsigned>(out.size()));
              session->reply += out;
              asio::async_write(session->socket, asio::buffer(session->reply),
                                [session](const boost::system::error_code& broken, std::size_t) {
                                  if (!broken) read(session);
                                });
            });
      });
}

bool run_until(asio::io_context& io, const std::function<bool()>& done,
               std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    if (io.stopped()) io.restart();
    io.run_one_for(std::chrono::milliseconds(100));
  }
  return true;
}

}  // namespace holdfast::test

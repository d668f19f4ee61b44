"""A DNS server for tests, on one port of UDP and TCP, with answers that can be changed while it runs."""
import socket
import struct
import threading

from proxy import TYPE, address, free_port

A, AAAA = 1, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


class DnsServer:
    """`records`: name -> list of IPv4 addresses. `rcode` forces an error; `silent` answers nothing."""

    def __init__(self, records=None, ttl=1):
        self.records = dict(records or {})
        self.ttl = ttl
        self.rcode = NOERROR
        self.silent = False
        self.queries = []
        self.lock = threading.Condition()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = free_port()  # Of TCP; nobody here takes it of UDP.
        self.sock.bind(("127.0.0.1", self.port))
        self.sock.settimeout(0.1)
        self.stopping = False
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.listener.settimeout(0.1)
        self.threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve, self._serve_tcp)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join(5)
        self.sock.close()
        self.listener.close()

    def wait_queries(self, count, timeout=20):
        """Wait for so many further queries."""
        with self.lock:
            wanted = len(self.queries) + count
            assert self.lock.wait_for(lambda: len(self.queries) >= wanted, timeout), "no DNS query came"

    def _serve(self):
        while not self.stopping:
            try:
                query, client = self.sock.recvfrom(4096)
            except (TimeoutError, socket.timeout):
                continue
            answer = self._answer(query)
            with self.lock:
                self.queries.append(query)
                self.lock.notify_all()
            if answer and not self.silent:
                self.sock.sendto(answer, client)

    def _serve_tcp(self):
        """One query per connection."""
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except (TimeoutError, socket.timeout):
                continue
            with sock:
                sock.settimeout(5)
                data = b""
                while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
                    part = sock.recv(4096)
                    if not part:
                        break
                    data += part
                else:
                    answer = self._answer(data[2:])
                    sock.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, query):
        ident, flags, count = struct.unpack(">HHH", query[:6])
        if count != 1:
            return None
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12 : at + 5]
        kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
        name = ".".join(labels).lower()
        rcode = self.rcode
        if rcode == NOERROR and name not in self.records:
            rcode = NXDOMAIN
        found = self.records.get(name, []) if rcode == NOERROR and kind == A else []
        answers = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", A, 1, self.ttl, 4) + socket.inet_aton(address) for address in found
        )
        return struct.pack(">HHHHHH", ident, 0x8580 | flags & 0x0100 | rcode, 1, len(found), 0, 0) + question + answers


def dns_cluster(name, host, port, server, kind="STRICT_DNS", **extra):
    """A cluster that asks this server (its port) only."""
    resolver = {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [address(server)],
        },
    }
    endpoint = {"endpoint": {"address": address(port, host)}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "type": kind,
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "0.2s",
        "dns_failure_refresh_rate": {"base_interval": "0.2s", "max_interval": "0.2s"},
        "typed_dns_resolver_config": resolver,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        **extra,
    }

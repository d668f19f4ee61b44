"""Each limit and clock of the configuration: what the client or the upstream sees at it, and what counts it."""
import pytest
from dns_server import DnsServer, dns_cluster
from harness import (
    TYPE,
    Closed,
    Wire,
    cluster,
    direct,
    dispatch,
    free_port,
    listener,
    max_connections,
    never,
    request,
    route,
    wait_until,
)
from scene import Setup
from test_streams import count_bytes
from test_tcp_proxy import tcp_listener

HTTP = "http.ingress_http."
POST = request("POST", headers=[("content-length", "10")], body=b"abc")
OPTIONS_TYPE = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def common(**fields):
    return {"common_http_protocol_options": fields}


def upstream_limits(**fields):
    options = {"@type": TYPE + OPTIONS_TYPE, "explicit_http_config": {"http_protocol_options": {}}, **common(**fields)}
    return {"typed_extension_protocol_options": {OPTIONS_TYPE: options}}


def head_of(size, start=b"GET / HTTP/1.1\r\nHost: a.test\r\n"):
    """A head of exactly so many bytes."""
    return start + b"x: " + b"y" * (size - len(start) - 7) + b"\r\n\r\n"


def fields(count, start=b"GET / HTTP/1.1\r\nHost: a.test\r\n"):
    """A head with so many fields, `host` (or what `start` has) included."""
    return start + b"".join(b"x%d: y\r\n" % i for i in range(count - 1)) + b"\r\n"


@pytest.mark.parametrize("limit, passes, refused", [
    ({"max_request_headers_kb": 1}, head_of(1024), head_of(1025)),
    ({}, head_of(60 * 1024), head_of(60 * 1024 + 1)),
    (common(max_headers_count=5), fields(5), fields(6)),
    ({}, fields(100), fields(101)),
], ids=["1-KiB", "60-KiB-by-default", "5-fields", "100-fields-by-default"])
def test_request_head(start, be, limit, passes, refused):
    port = free_port()
    proxy = start([listener(port, hcm=limit)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(passes)
        assert wire.read_response().status == 200
        assert proxy.stat(HTTP + "downstream_rq_too_large") == 0
        wire.send(refused)
        reply = wire.read_response()
        assert (reply.status, reply.get("connection")) == (431, "close")
    assert proxy.stat(HTTP + "downstream_rq_too_large") == 1
    assert proxy.stat(HTTP + "downstream_cx_protocol_error") == 1
    assert len(be.requests) == 1


@pytest.mark.parametrize("hcm, sent, status, counter, reason", [
    ({"request_headers_timeout": "0.2s"}, b"GET / HTTP/1.1\r\nHos", 408, "rq_header_timeout", "request_headers_timeout"),
    ({"request_timeout": "0.2s"}, POST, 408, "rq_timeout", "request_timeout"),
    ({"request_timeout": "0.2s"}, b"GET /", 408, "rq_timeout", "request_timeout"),
    ({"stream_idle_timeout": "0.2s"}, request(), 504, "rq_idle_timeout", "stream_idle_timeout"),
    (common(max_stream_duration="0.2s"), request(), 504, "rq_max_duration_reached", "max_stream_duration"),
    (common(idle_timeout="0.2s"), b"", None, "cx_idle_timeout", "idle_timeout"),
    (common(max_connection_duration="0.2s"), b"", None, "cx_max_duration_reached", "max_duration"),
], ids=["head", "request", "request-in-its-head", "stream-idle", "stream-duration", "connection-idle",
        "connection-duration"])
def test_clocks(start, be, hcm, sent, status, counter, reason):
    be.settle(never)
    port = free_port()
    proxy = start([listener(port, hcm=hcm)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(sent)
        if status:
            assert wire.read_response().status == status
        else:
            assert wire.read_to_eof() == b""
    assert proxy.stat(HTTP + "downstream_" + counter) == 1
    assert f'reason="{reason}"}} 1\n' in proxy.admin("/metrics")[1]
    wait_until(lambda: proxy.stat(HTTP + "downstream_cx_active") == 0, 10, "closed")


def test_requests_per_connection(either, be):
    """The last answer says `close`; counted when that request begins, and not as a drain."""
    port = free_port()
    proxy = either([listener(port, hcm=common(max_requests_per_connection=2))], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request() * 3)
        assert wire.read_response().get("connection") is None
        assert wire.read_response().get("connection") == "close"
        assert wire.read_to_eof() == b""
    assert len(be.requests) == 2
    assert proxy.stat(HTTP + "downstream_cx_max_requests_reached") == 1
    assert proxy.stat(HTTP + "downstream_cx_drain_close") == 0


@pytest.mark.parametrize("limit, passes, refused", [
    (upstream_limits(max_response_headers_kb=1), 1024, 1025),
    ({}, 80 * 1024, 80 * 1024 + 1),
    (upstream_limits(max_response_headers_kb=200), 200 * 1024, 200 * 1024 + 1),
], ids=["1-KiB", "80-KiB-by-default", "200-KiB"])
def test_response_head_size(either, be, limit, passes, refused):
    """The whole head counts, its empty line included."""
    check_response_head(either, be, limit, lambda size: head_of(size, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"),
                        passes, refused)


@pytest.mark.parametrize("limit, passes, refused", [
    (upstream_limits(max_headers_count=5), 5, 6), ({}, 100, 101), (upstream_limits(max_headers_count=300), 300, 301),
], ids=["5", "100-by-default", "300"])
def test_response_header_count(either, be, limit, passes, refused):
    check_response_head(either, be, limit, lambda count: fields(count, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"),
                        passes, refused)


def check_response_head(start, be, limit, head, passes, refused):
    def script(connection):
        while (asked := connection.next_request()) is not None:
            connection.send(head(int(asked.target[1:])))

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port, **limit)])
    with Wire.connect(port) as wire:
        for number, status in ((passes, 200), (refused, 502), (passes, 200)):
            wire.send(request(target=f"/{number}"))
            assert wire.read_response().status == status
    assert proxy.stat("cluster.be.upstream_cx_protocol_error") == 1
    assert be.requests[2].connection == 2, "the connection of a refused head is not used again"


def test_response_head_size_of_side_requests(start, be, side):
    def script(connection):
        while connection.next_request() is not None:
            connection.send(head_of(1025, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"))

    side.settle(script)
    limited = cluster("side", side.port, **upstream_limits(max_response_headers_kb=1))
    setup = Setup(start, be, side, dispatch("side", 2), side_cluster=limited)
    assert setup.ask().get("total-dispatched") == "2"
    assert setup.dispatch_stat("calls_failed") == 2
    setup.settled()


class Crowd:
    """Connections that have been let in, told from those that were closed by what came of a request."""

    def __init__(self):
        self.inside = []

    def join(self, port, data=request()):
        wire = Wire.connect(port)
        try:
            wire.send(data)
            assert wire.read_response().status == 200
        except Closed:
            wire.close()
            return False
        self.inside.append(wire)
        return True

    def leave(self, count):
        for _ in range(count):
            self.inside.pop().close()


def overflows(proxy, port):
    return proxy.stat(f"listener.127.0.0.1_{port}.downstream_global_cx_overflow")


@pytest.mark.parametrize("workers", [1, 4])
def test_max_connections(either, be, workers):
    """One too many is accepted and closed without a byte, counted by its listener, and is no connection to any other
    counter. The limit holds over all listeners and workers; a listener may ignore it, and its connections are not
    counted then. Places are given back."""
    port, other, ignoring = free_port(), free_port(), free_port()
    proxy = either(
        [listener(port), listener(other, name="other"),
         listener(ignoring, name="ignoring", listener_extra={"ignore_global_conn_limit": True})],
        [cluster("be", be.port)], concurrency=workers, extra=max_connections(10))
    free, crowd = Crowd(), Crowd()
    assert all(free.join(ignoring) for _ in range(15))
    assert all(crowd.join(port) for _ in range(6)) and all(crowd.join(other) for _ in range(4))
    assert not any(crowd.join(port) for _ in range(5)) and not any(crowd.join(other) for _ in range(3))
    assert (overflows(proxy, port), overflows(proxy, other), overflows(proxy, ignoring)) == (5, 3, 0)
    assert proxy.stat(f"listener.127.0.0.1_{port}.downstream_cx_total") == 6
    assert proxy.stat(HTTP + "downstream_cx_active") == 25
    free.leave(15)
    if proxy.kind == "envoy":
        return  # There, each of them has given back a place that it had not taken (1.40): nobody is refused any more.
    assert not crowd.join(port), "no place of theirs was counted"
    crowd.leave(3)
    wait_until(lambda: proxy.stat(HTTP + "downstream_cx_active") == 7, 10, "three have left")
    assert [crowd.join(other) for _ in range(5)] == [True, True, True, False, False]
    crowd.leave(10)
    wait_until(lambda: proxy.stat(HTTP + "downstream_cx_active") == 0, 10, "all have left")


@pytest.mark.parametrize("end", [
    request(headers=[("connection", "close")]), b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\n",
], ids=["close", "refused", "timeout"])
def test_max_connections_gets_each_place_back(start, be, end):
    """However a connection ends, its place is free again."""
    port = free_port()
    proxy = start([listener(port, hcm={"request_headers_timeout": "0.1s", "delayed_close_timeout": "0.1s"})],
                  [cluster("be", be.port)], extra=max_connections(1))
    for _ in range(3):
        with Wire.connect(port) as wire:
            wire.send(end)
            assert wire.read_response().status in (200, 400, 408)
        wait_until(lambda: proxy.stat(HTTP + "downstream_cx_active") == 0, 10, "gone")
    with Wire.connect(port) as wire:
        wire.send(request())
        wire.reset()
    wait_until(lambda: Crowd().join(port), 10, "the place of a reset connection")


def test_max_connections_of_tcp_listeners(start, be):
    tcp, port = free_port(), free_port()
    proxy = start([tcp_listener(tcp, "be"), listener(port)], [cluster("be", be.port)], extra=max_connections(2))
    crowd = Crowd()
    assert [crowd.join(tcp), crowd.join(tcp), crowd.join(tcp), crowd.join(port)] == [True, True, False, False]
    assert (overflows(proxy, tcp), overflows(proxy, port)) == (1, 1)
    assert 'listener_connections_rejected_total{listener="main",reason="process_limit"} 1' in proxy.admin("/metrics")[1]
    crowd.leave(2)
    wait_until(lambda: crowd.join(port), 10, "a place given back by the TCP proxy")


def test_accepts_per_turn(start, be):
    """One at a time is slower, not fewer: all who knock at once are served."""
    port = free_port()
    start([listener(port, listener_extra={"max_connections_to_accept_per_socket_event": 1})], [cluster("be", be.port)])
    wires = [Wire.connect(port) for _ in range(100)]
    for wire in wires:
        wire.send(request())
    for wire in wires:
        assert wire.read_response().status == 200
        wire.close()


def test_buffer_limits_are_counted(start, be):
    """A full upstream stops the reading of its client, a full client that of its upstream; each start and end counts."""
    size = 16 << 20

    def script(connection):
        head = connection.next_head()
        connection.wait_told()
        connection.read_exact(size, head.time + 30)
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        connection.send(b"x" * size, 30)

    be.settle(script)
    port = free_port()
    limit = {"per_connection_buffer_limit_bytes": 65536}
    proxy = start([listener(port, [route("be", timeout="0s")], listener_extra=limit)], [cluster("be", be.port, **limit)])
    with Wire.connect(port, receive_buffer=65536) as wire:
        wire.send(request("POST", headers=[("content-length", size)]))
        be.wait_requests(1)
        wire.sock.setblocking(False)
        sent = 0
        while proxy.stat(HTTP + "downstream_flow_control_paused_reading_total") == 0:
            try:
                sent += wire.sock.send(b"x" * min(1 << 20, size - sent))
            except BlockingIOError:
                pass
        assert proxy.stat("cluster.be.upstream_flow_control_backed_up_total") > 0
        be.tell()
        wire.send(b"x" * (size - sent), 30)
        wait_until(lambda: proxy.stat("cluster.be.upstream_flow_control_paused_reading_total") > 0, 20, "paused")
        assert wire.read_head().get("content-length") == str(size)
        assert count_bytes(wire, size) == size
    stats = proxy.stats("flow_control")
    for name in (HTTP + "downstream", "cluster.be.upstream"):
        prefix = name + "_flow_control_"
        assert stats[prefix + "paused_reading_total"] == stats[prefix + "resumed_reading_total"] > 0, stats
    backed_up = "cluster.be.upstream_flow_control_"
    assert stats[backed_up + "backed_up_total"] == stats[backed_up + "drained_total"] > 0, stats


def test_addresses_of_one_dns_answer(start, be):
    """1024 addresses of an answer are taken, the rest is ignored, which is counted and told once."""
    with DnsServer({"be.test": [f"127.1.{i // 250}.{i % 250}" for i in range(1100)]}) as dns:
        be_cluster = dns_cluster("be", "be.test", be.port, dns.port)
        config = be_cluster["typed_dns_resolver_config"]["typed_config"]
        config["dns_resolver_options"] = {"use_tcp_for_dns_lookups": True}
        proxy = start([listener(free_port())], [be_cluster])
        wait_until(lambda: proxy.stat("dns.cares.answers_cut") >= 2, 20, "counted each time")
        assert proxy.stat("cluster.be.membership_total") == 1024
        assert "holdfast_dns_answers_cut_total" in proxy.admin("/metrics")[1]
        assert proxy.stderr().count("more than 1024 addresses") == 1


@pytest.mark.parametrize("size", [None, 512, 1232, 4096])
def test_edns0_payload_size(start, be, size):
    """The largest answer over UDP is announced in each query (RFC 6891: an OPT record whose class is the size)."""
    with DnsServer({"be.test": ["127.0.0.1"]}) as dns:
        be_cluster = dns_cluster("be", "be.test", be.port, dns.port)
        if size:
            be_cluster["typed_dns_resolver_config"]["typed_config"]["edns0_max_payload_size"] = size
        port = free_port()
        start([listener(port)], [be_cluster])
        with Wire.connect(port) as wire:
            wire.send(request())
            assert wire.read_response().status == 200
        additional = int.from_bytes(dns.queries[0][10:12], "big")
        assert additional == (1 if size else 0)
        if size:
            record = dns.queries[0][-11:]
            assert (record[:3], int.from_bytes(record[3:5], "big")) == (b"\0\0\x29", size)


def test_admin_is_never_refused(either, be):
    """Who looks after a full process gets in."""
    port = free_port()
    proxy = either([listener(port)], [cluster("be", be.port)], extra=max_connections(1))
    crowd = Crowd()
    assert [crowd.join(port), crowd.join(port)] == [True, False]
    assert proxy.admin("/ready") == (200, "LIVE\n")


def test_a_client_that_never_reads_its_last_answer(start):
    """Not even with stream_idle_timeout off does it hold its connection for ever: delayed_close_timeout ends it."""
    port = free_port()
    hosts = [{"name": "all", "domains": ["*"], "routes": [direct(200, "x" * (6 << 20))]}]
    routes = {"virtual_hosts": hosts, "max_direct_response_body_size_bytes": 8 << 20}
    off = {"stream_idle_timeout": "0s", "delayed_close_timeout": "0.3s", "route_config": routes}
    proxy = start([listener(port, hcm=off)], [])
    with Wire.connect(port, receive_buffer=4096) as wire:
        wire.send(request(headers=[("connection", "close")]))
        wait_until(lambda: proxy.stat(HTTP + "downstream_cx_delayed_close_timeout") == 1, 10, "closed")

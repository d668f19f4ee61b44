"""Clients that mean harm: each costs bounded memory, is ended by the limit that is there for it, and leaves nothing."""
import contextlib
import random
import resource
import socket
import threading
import time

import pytest
from harness import (
    READ_TIMEOUT,
    Closed,
    Timeout,
    Wire,
    chunked,
    cluster,
    direct,
    dispatch,
    free_port,
    listener,
    max_connections,
    request,
    response,
    route,
    stopped,
    wait_until,
)
from scene import held_until_told

HTTP = "http.ingress_http."
LOG_TYPE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
SLOW = 300
PIPELINED = 100_000
FLOOD = 3000
PATIENCE = 60


def nothing_left(proxy):
    """All gauges of connections and requests are back at zero. (Upstream connections may wait in their pool.)"""

    def busy():
        return {n: v for n, v in proxy.stats("_active$").items() if v and not n.endswith("upstream_cx_active")}

    wait_until(lambda: not busy(), 20, "gauges at zero")


@pytest.fixture
def many_descriptors():
    """As many as this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def dribble(wires, data):
    """One byte to each, again and again, until all have been closed; False when that takes too long."""
    deadline = time.monotonic() + PATIENCE
    rest = set(wires)
    for byte in data * 10_000:
        for wire in list(rest):
            if not wire.try_send(bytes([byte])):
                rest.discard(wire)
        if not rest:
            return True
        if time.monotonic() > deadline:
            return False
    return False


@pytest.mark.parametrize("hcm, begin, more, counter", [
    ({"request_headers_timeout": "1s"}, b"GET / HTTP/1.1\r\n", b"X-a: b\r\n", "rq_header_timeout"),
    ({"request_timeout": "1s"}, request("POST", headers=[("content-length", 1 << 20)]), b"x", "rq_timeout"),
    ({"request_timeout": "1s"}, request("POST", headers=[("transfer-encoding", "chunked")]),
     b"1\r\nx\r\n", "rq_timeout"),
], ids=["head", "body", "chunked-body"])
def test_slowloris(start, be, growth, hcm, begin, more, counter):
    """Many clients that send a byte now and then: the clock ends each with 408, and others are served meanwhile."""
    be.settle(lambda connection: connection.next_request(timeout=PATIENCE) and connection.send(response()))
    port = free_port()
    limits = {"circuit_breakers": {"thresholds": [{"max_connections": 2 * SLOW, "max_requests": 2 * SLOW}]}}
    proxy = start([listener(port, [direct(200, "hi", "/direct"), route("be")],
                            hcm={**hcm, "delayed_close_timeout": "0.2s"})], [cluster("be", be.port, **limits)])
    with growth(proxy, SLOW * 24), contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire.connect(port)) for _ in range(SLOW)]
        for wire in wires:
            wire.send(begin)
        with Wire.connect(port) as honest:
            honest.send(request(target="/direct"))
            assert honest.read_response().body == b"hi"
        assert dribble(wires, more), "still open"
    assert proxy.stat(HTTP + "downstream_" + counter) == SLOW
    assert proxy.stat(HTTP + "downstream_rq_4xx") == SLOW
    nothing_left(proxy)


@pytest.mark.parametrize("held", [False, True], ids=["reading-slowly", "held"])
def test_slow_readers(start, be, side, growth, held):
    """Big answers to clients that hardly read, or whose answer is held: the upstream waits in its socket."""
    readers, size = 40, 64 << 20
    sent = [0] * readers

    def script(connection):
        number = int(connection.next_request().target[1:])
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        connection.sock.settimeout(PATIENCE)
        while sent[number] < size:
            sent[number] += connection.sock.send(b"x" * (1 << 20))

    be.settle(script)
    if held:
        side.settle(held_until_told)
    port = free_port()
    limit = {"per_connection_buffer_limit_bytes": 65536}
    proxy = start([listener(port, None, [dispatch("side", 1)], listener_extra=limit)],
                  [cluster("be", be.port, **limit), cluster("side", side.port)])
    with growth(proxy, readers * 3 * 64 + 4096), contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire.connect(port, receive_buffer=4096)) for _ in range(readers)]
        for number, wire in enumerate(wires):
            wire.send(request(target=f"/{number}"))
        be.wait_requests(readers, PATIENCE)
        wait_until(lambda: min(sent) > 0, PATIENCE, "all have begun")
        for _ in range(20):
            for wire in [] if held else wires:
                wire.fill(time.monotonic() + READ_TIMEOUT)
        assert max(sent) < size // 4, "back-pressure reaches the upstream"
        for wire in wires:
            wire.reset()
        nothing_left(proxy)
        side.tell()
    with Wire.connect(port) as wire:
        be.settle()
        wire.send(request())
        assert wire.read_response().status == 200


def send_without_end(wire, piece, begin=b""):
    """Sends until the peer will have no more, which it must say in time."""
    block = piece * max(1, 4096 // len(piece))
    deadline = time.monotonic() + PATIENCE
    more = wire.try_send(begin)
    while more:
        assert time.monotonic() < deadline, "nothing ends it"
        more = wire.try_send(block)


CHUNKED = request("POST", headers=[("transfer-encoding", "chunked")])
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"


@pytest.mark.parametrize("begin, piece, status", [
    (CHUNKED + b"1;", b"a", 400),
    (CHUNKED, b"1;abcdefghijklmnopqrstuvwxyz\r\nx\r\n", 400),
    (CHUNKED + b'1;a="', b"b", 400),
    (CHUNKED + b"0\r\n", b"a: b\r\n", 400),
    (CHUNKED + b"0\r\na: ", b"b", 400),
    (CHUNKED, b"0", 400),
    (b"", b"A", 431),
    (b"GET /", b"a", 431),
    (GET + b"X: ", b"y", 431),
    (GET + b"X", b"y", 431),
    (GET, b"x: y\r\n", 431),
    (b"", b"\r\n", 400),
    (b"", b"\0", 400),
], ids=["one-extension", "an-extension-on-each-chunk", "quoted-extension", "trailers", "one-trailer", "zeros-of-a-size",
        "method", "target", "value", "name", "fields", "empty-lines", "zeros"])
def test_without_an_end(start, be, growth, begin, piece, status):
    """What never ends is refused early, answered, and closed; what the client goes on sending is dropped for a while."""
    port = free_port()
    proxy = start([listener(port, hcm={"delayed_close_timeout": "0.5s"})], [cluster("be", be.port)])
    with growth(proxy, 4096):
        with Wire.connect(port) as wire:
            send_without_end(wire, piece, begin)
            with contextlib.suppress(Closed, OSError):  # Our own bytes after the close may have reset the answer away.
                assert wire.read_response().status == status
        nothing_left(proxy)
    assert proxy.stat(HTTP + "downstream_rq_too_large") == (status == 431)
    assert proxy.stat(HTTP + "downstream_cx_protocol_error") == 1
    assert proxy.stat(HTTP + "downstream_rq_4xx") == 1


@pytest.mark.parametrize("size", [1, 7])
def test_tiny_chunks(start, be, growth, size):
    """A body in chunks of a byte is legal: it passes, in bounded memory."""
    count = 300_000
    total = [0]

    def script(connection):
        connection.next_head()
        deadline = time.monotonic() + PATIENCE
        while True:
            length = int(connection.read_until(b"\r\n", deadline), 16)
            if length == 0:
                break
            connection.read_exact(length + 2, deadline)
            total[0] += length
        connection.send(response(body=b"done"))

    be.settle(script)
    port = free_port()
    proxy = start([listener(port, [route("be", timeout="0s")])], [cluster("be", be.port)])
    block = (b"%x\r\n" % size + b"x" * size + b"\r\n") * 1000
    with growth(proxy, 8192), Wire.connect(port) as wire:
        wire.send(CHUNKED)
        for _ in range(count // 1000):
            wire.send(block, PATIENCE)
        wire.send(b"0\r\n\r\n")
        assert wire.read_response(timeout=PATIENCE).body == b"done"
    assert total[0] == count * size


def send_until_stuck(wire, data):
    """How much goes out until nothing has for a second."""
    wire.sock.settimeout(1)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < len(data):
            sent += wire.sock.send(data[sent : sent + 65536])
    return sent


class Pipeline:
    """Requests whose answers tell in which order they came: a random row of two direct responses."""

    def __init__(self, count, padding):
        choice = random.Random(count)
        self.row = [choice.random() < 0.5 for _ in range(count)]
        one, other = (request(target=target, headers=[("x", "y" * padding)]) for target in ("/a", "/b"))
        self.data = b"".join(one if a else other for a in self.row)

    routes = [direct(200, "this is the one", "/a"), direct(404, "and that the other", "/b")]

    def read(self, wire):
        """True if each is answered, in order."""
        tail, at = b"", 0
        deadline = time.monotonic() + PATIENCE
        while at < len(self.row):
            if not wire.fill(deadline):
                return False
            data, wire.buffer = tail + wire.buffer, b""
            cut = data.rfind(b"HTTP/1.1 ")
            tail = data[cut:]
            for answer in data[:cut].split(b"HTTP/1.1 ")[1:]:
                at = self.check(answer, at)
            if at == len(self.row) - 1 and tail.endswith((b"the one", b"the other")):
                at = self.check(tail[len(b"HTTP/1.1 "):], at)
        return True

    def check(self, answer, at):
        wanted = (b"200", b"this is the one") if self.row[at] else (b"404", b"and that the other")
        assert answer.startswith(wanted[0]) and answer.endswith(wanted[1]), (at, answer)
        return at + 1


@pytest.mark.parametrize("reading", [True, False], ids=["reading", "reading-late"])
def test_pipelined_requests(start, growth, reading):
    """100,000 tiny requests on one connection are answered in order, and wait in the sockets if nobody reads."""
    pipeline = Pipeline(PIPELINED, 1 if reading else 200)  # More than the sockets' buffers of both ends hold.
    port = free_port()
    proxy = start([listener(port, Pipeline.routes)], [])
    with growth(proxy, 6144), Wire.connect(port, receive_buffer=65536) as wire:
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        rest = pipeline.data
        if not reading:
            rest = rest[send_until_stuck(wire, rest) :]
            assert rest, "the proxy stops reading"
        sender = threading.Thread(target=lambda: wire.send(rest, PATIENCE))
        sender.start()
        assert pipeline.read(wire)
        sender.join(PATIENCE)
    assert proxy.stat(HTTP + "downstream_rq_total") == PIPELINED
    nothing_left(proxy)


def test_pipelined_requests_to_an_upstream(start, be, growth):
    """One at a time, in order, each answer with its own request."""
    count = 3000

    def script(connection):
        while (asked := connection.next_request()) is not None:
            connection.send(response(body=asked.target.encode()))

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with growth(proxy, 6144), Wire.connect(port) as wire:
        data = b"".join(request(target=f"/{number}") for number in range(count))
        sender = threading.Thread(target=lambda: wire.send(data, PATIENCE))
        sender.start()
        for number in range(count):
            assert wire.read_response(timeout=PATIENCE).body == b"/%d" % number
        sender.join(PATIENCE)
    assert [message.connection for message in be.requests] == [1] * count
    nothing_left(proxy)


def knock(port, count, data):
    """So many connections, each with these bytes; those that were let in."""
    wires = []
    for _ in range(count):
        wire = Wire.connect(port)
        wire.try_send(data)
        wires.append(wire)
    return wires


@pytest.mark.parametrize("limit", [None, 100])
@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHo"], ids=["silent", "half-a-head"])
def test_connection_flood(start, be, growth, sanitized, many_descriptors, limit, data):
    """Thousands of connections cost some KiB each while they are open, next to nothing beyond the limit, and their memory
    is given back."""
    count = min(FLOOD, many_descriptors // 2 - 100)
    port = free_port()
    proxy = start([listener(port, [direct(200, "hi")], hcm={"request_headers_timeout": "60s"})], [cluster("be", be.port)],
                  extra=max_connections(limit) if limit else None)
    before = proxy.rss_kib()
    with growth(proxy, 4096 if limit else count * 12):
        wires = knock(port, count, data)
        inside = min(count, limit or count)
        wait_until(lambda: proxy.stat(HTTP + "downstream_cx_total") == inside, PATIENCE, "all who may are in")
        refused = f"listener.127.0.0.1_{port}.downstream_global_cx_overflow"
        wait_until(lambda: proxy.stat(refused) == count - inside, PATIENCE, "the others have been refused")
    for wire in wires:
        wire.reset()
    nothing_left(proxy)
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().body == b"hi"
    if not sanitized:
        assert proxy.rss_kib() - before < 6144, "given back"


def test_churn(start, be, growth):
    """Connections that come and go in all ways do not add up."""
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    choice = random.Random(1)

    def visit():
        wire = Wire.connect(port)
        fate = choice.randrange(4)
        if fate:
            wire.send(request() if fate > 1 else b"GET / HT")
        if fate == 3:
            wire.read_response()
        wire.reset() if choice.random() < 0.5 else wire.close()

    for _ in range(200):
        visit()
    nothing_left(proxy)
    with growth(proxy, 2048):
        for _ in range(2000):
            visit()
        nothing_left(proxy)


def test_goes_on_sending_after_the_refusal(start, be, growth):
    """What comes behind a refused request is dropped, in bounded time and memory, and reaches no upstream."""
    port = free_port()
    proxy = start([listener(port, hcm={"delayed_close_timeout": "1s"})], [cluster("be", be.port)])
    with growth(proxy, 4096), Wire.connect(port) as wire:
        send_without_end(wire, request(), b"broken\r\n\r\n")
        with contextlib.suppress(Closed, Timeout):
            assert wire.read_response().status == 400
    nothing_left(proxy)
    assert not be.requests


def test_chunked_to_nobody(start, growth):
    """A body for a local answer is read to its end and dropped."""
    port = free_port()
    proxy = start([listener(port, [direct(200, "hi")])], [])
    with growth(proxy, 4096), Wire.connect(port) as wire:
        wire.send(CHUNKED)
        assert wire.read_response().body == b"hi"
        assert wire.try_send(chunked(*[b"x" * 4096] * 1000))
        assert wire.closed_within(20)
    nothing_left(proxy)
    assert proxy.stat(HTTP + "downstream_cx_protocol_error") == 0


def test_many_requests_at_once_do_not_keep_others_waiting(start, tmp_path):
    """One connection's pile of requests that are answered here and now is served in portions; others come between."""
    port, log = free_port(), tmp_path / "access.log"
    form = {"text_format_source": {"inline_string": "%REQ(:PATH)%\n"}}
    to_file = {"@type": LOG_TYPE, "path": str(log), "log_format": form}
    hcm = {"access_log": [{"name": "file", "typed_config": to_file}]}
    proxy = start([listener(port, [direct(204)], hcm=hcm)], [])
    with Wire.connect(port) as many, Wire.connect(port) as one:
        with stopped(proxy.process.pid):
            many.send(request(target="/many") * 2000)
            one.send(request(target="/one"))
        assert one.read_response().status == 204
        for _ in range(2000):
            assert many.read_response().status == 204
    wait_until(lambda: log.exists() and log.read_text().count("\n") == 2001, 20, "the log")
    assert log.read_text().split().index("/one") <= 200

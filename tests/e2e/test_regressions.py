"""One test per bug that reviews have found: named after the bug, so that it does not come back."""
import contextlib
import signal
import socket
import threading
import time

import pytest
from harness import (
    READ_TIMEOUT,
    ScriptedUpstream,
    Wire,
    chunked,
    cluster,
    direct,
    dispatch,
    free_port,
    listener,
    mask_value,
    noise,
    reply_always,
    request,
    response,
    route,
    stopped,
    wait_until,
)

# Freed memory is overwritten at once, so that bytes sent from it are not by luck still the right ones.
FREED_MEMORY_SHOWS = {"MALLOC_PERTURB_": "165"}


def unchanged_for(seconds, progress):
    """True once `progress()` is above zero and has stood still for that long: back-pressure has reached the sender."""
    last, since = [progress()], [time.monotonic()]

    def check():
        now = progress()
        if now != last[0]:
            last[0], since[0] = now, time.monotonic()
        return now > 0 and time.monotonic() - since[0] > seconds

    return check


def send_what_fits(wire, data, sent):
    """Goes on with `data` from `sent[0]` until the kernel takes no more; returns how much has left in all."""
    wire.sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while sent[0] < len(data):
            sent[0] += wire.sock.send(data[sent[0] : sent[0] + 65536])
    return sent[0]


def cut_once(head):
    return [head[: len(head) // 2], head[len(head) // 2 :]]


def cut_each(head):
    return [head[i : i + 1] for i in range(len(head))]


# --- Bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [False, True], ids=["plain", "held"])
@pytest.mark.parametrize("framing", ["sized", "chunked"])
@pytest.mark.parametrize("cut", [cut_once, cut_each], ids=["once", "each-byte"])
def test_body_sent_from_freed_memory_when_the_head_comes_in_pieces(start, be, side, cut, framing, held):
    """The read that completes a stashed head also brings some of the body; the stash went before it was sent."""
    body = noise(60_000)
    if framing == "sized":
        head, data = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body
    else:
        head, data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunked(body[:100], body[100:30_000],
                                                                                     body[30_000:])
    pieces = cut(head)
    pieces[-1] += data[:20_000]
    pieces.append(data[20_000:])
    port = free_port()
    proxy = start([listener(port, None, [dispatch("side", 2)] if held else [])],
                  [cluster("be", be.port), cluster("side", side.port)], env=FREED_MEMORY_SHOWS)

    def script(connection):
        if connection.next_request() is None:
            return
        sent = 0
        for piece in pieces:
            connection.send(piece)
            sent += len(piece)
            wait_until(lambda: proxy.stat("cluster.be.upstream_cx_rx_bytes_total") == sent, 10, "the piece was read")
        connection.next_request()

    be.settle(script)
    with Wire.connect(port) as wire:
        wire.send(request())
        reply = wire.read_response()
    assert reply.get("total-dispatched") == ("2" if held else None)
    assert len(reply.body) == len(body)
    assert reply.body == body
    assert not be.errors


def test_pipelined_answers_pile_up_for_a_client_that_does_not_read(start, sanitized):
    count, body = 20_000, "x" * 4000
    port = free_port()
    proxy = start([listener(port, [direct(200, body)])], [])
    total = "http.ingress_http.downstream_rq_total"
    with Wire.connect(port, receive_buffer=4096) as wire:
        wire.send(request())
        first = wire.read_response()
        before = proxy.rss_kib()
        asked, sent = memoryview(request() * count), [0]
        send_what_fits(wire, asked, sent)
        wait_until(unchanged_for(0.3, lambda: proxy.stat(total) - 1), 15, "the proxy waits for its client")
        assert proxy.stat(total) < count
        if not sanitized:
            assert proxy.rss_kib() - before < 8 * 1024
        for number in range(count):
            send_what_fits(wire, asked, sent)
            reply = wire.read_response()
            assert (reply.status, reply.body, reply.names) == (200, first.body, first.names), number
        assert not wire.buffer and proxy.stat(total) == count + 1


# --- What an upstream says or does before it is asked --------------------------------------------


class LateAccepter:
    """An upstream whose accept queue is full: a connect to it is under way until make_room(), and then until the
    kernel sends its SYN again (1 s), which it does while the process that connects is stopped."""

    def __enter__(self):
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.listener.settimeout(READ_TIMEOUT)
        self.port = self.listener.getsockname()[1]
        self.filler = socket.create_connection(("127.0.0.1", self.port), READ_TIMEOUT)
        return self

    def __exit__(self, *_):
        self.filler.close()
        self.listener.close()

    def make_room(self):
        self.listener.accept()[0].close()

    def accept(self):
        return Wire(self.listener.accept()[0])


# As Envoy answers, but for "answer", which Envoy takes: an answer to nobody is no answer to this request.
EARLY = {
    "banner": (b"SSH-2.0-OpenSSH_9.2\r\n", 502),
    "answer": (response(headers=[("x-early", "1")], body=b"nobody asked"), 502),
    "FIN": (None, 503),
}


@pytest.mark.parametrize("what", EARLY)
def test_input_that_comes_with_the_connect_taken_for_the_answer_or_never_read(start, what):
    """The proxy learns in one event that it is connected and that there is input (or the end of it)."""
    early, status = EARLY[what]
    with LateAccepter() as upstream:
        port = free_port()
        proxy = start([listener(port, [route("be", timeout="8s")])],
                      [cluster("be", upstream.port, connect_timeout="6s")])
        with Wire.connect(port) as wire:
            wire.send(request())
            wait_until(lambda: proxy.stat("cluster.be.upstream_cx_total") == 1, 10, "connecting")
            with stopped(proxy.process.pid):
                upstream.make_room()
                accepted = upstream.accept()
                if early is None:
                    accepted.half_close()
                else:
                    accepted.send(early)
            begun = time.monotonic()
            reply = wire.read_response(timeout=5)
            assert time.monotonic() - begun < 3
            assert reply.status == status
            assert reply.get("x-early") is None and b"asked" not in reply.body and b"SSH" not in reply.body
            wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 5, "connection closed")
            accepted.close()


def test_request_sent_on_a_connection_whose_upstream_answered_and_closed_at_once(start, be):
    """Answer and FIN in one packet, no `connection: close`: whoever waits for the connection gets a new one."""

    def script(connection):
        while connection.next_request() is not None:
            if connection.number == 1:
                connection.wait_told()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                connection.send(response(body=b"first"))
                return connection.half_close()
            connection.send(response(body=b"second"))

    be.settle(script)
    port = free_port()
    limits = {"thresholds": [{"max_connections": 1}]}
    proxy = start([listener(port)], [cluster("be", be.port, circuit_breakers=limits)])
    with Wire.connect(port) as first, Wire.connect(port) as second:
        first.send(request("POST", headers=[("content-length", "1")], body=b"1"))
        be.wait_requests(1)
        second.send(request("POST", headers=[("content-length", "1")], body=b"2"))
        wait_until(lambda: proxy.stat("cluster.be.upstream_rq_pending_active") == 1, 10, "the second waits")
        be.tell()
        one, two = first.read_response(), second.read_response()
    assert (one.status, one.body) == (200, b"first")
    assert (two.status, two.body) == (200, b"second")
    assert [(r.body, r.connection) for r in be.requests] == [(b"1", 1), (b"2", 2)]


# --- Ends ----------------------------------------------------------------------------------------


def test_route_timeout_started_anew_with_the_response_head(start, be):
    """Timeout 1 s, the head after 0.7 s, then nothing: cut at 1 s, not at 1.7 s."""

    def script(connection):
        message = connection.next_request()
        wait_until(lambda: time.monotonic() > message.time + 0.7, 5)
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        connection.next_request()

    be.settle(script)
    port = free_port()
    start([listener(port, [route("be", timeout="1s")])], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request())
        begun = time.monotonic()
        reply = wire.read_response(timeout=5, partial=True)
        elapsed = time.monotonic() - begun
    assert (reply.status, reply.body, reply.complete) == (200, b"hello", False)
    assert 0.9 < elapsed < 1.5


def half_until_told(connection):
    """Half of the body, then the rest when told; the connection stays open."""
    while connection.next_request() is not None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
        if not connection.wait_told():
            return
        connection.send(b"world")


def begin_streaming(wire):
    """Asks; the head, without `connection: close`, and half of the body have come."""
    wire.send(request())
    head = wire.read_head()
    assert (head.status, head.get("connection")) == (200, None)
    assert wire.read_exact(5, time.monotonic() + READ_TIMEOUT) == b"hello"


def end_streaming(wire, upstream):
    upstream.tell()
    assert wire.read_exact(5, time.monotonic() + READ_TIMEOUT) == b"world"
    assert wire.closed_within(3)


def test_drained_connection_lingers_after_a_response_begun_before_the_signal(start, be):
    be.settle(half_until_told)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)], args=["--drain-time-s", "20"])
    with Wire.connect(port) as wire:
        begin_streaming(wire)
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: proxy.admin("/ready")[0] == 503, 10, "draining")
        begun = time.monotonic()
        end_streaming(wire, be)
    assert proxy.wait(10) == 0
    assert time.monotonic() - begun < 6


def test_connection_lingers_after_max_connection_duration_in_mid_response(start, be):
    be.settle(half_until_told)
    port = free_port()
    limit = {"common_http_protocol_options": {"max_connection_duration": "0.3s"}}
    proxy = start([listener(port, hcm=limit)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        begin_streaming(wire)
        reached = "http.ingress_http.downstream_cx_max_duration_reached"
        wait_until(lambda: proxy.stat(reached) == 1, 10, "the connection is old")
        end_streaming(wire, be)
    assert proxy.running()


def test_reset_unnoticed_while_the_upload_is_paused(start):
    """The upstream reads nothing, so the proxy reads nothing from its client: it must see the reset all the same."""
    ended = threading.Event()

    def script(connection):
        connection.next_head()
        if connection.wait_told():  # The end of what was sent can be seen only behind it.
            while connection.fill(time.monotonic() + 5):
                connection.buffer = b""
            ended.set()

    body, sent = memoryview(bytes(64 << 20)), [0]
    with ScriptedUpstream(script) as upstream:
        port = free_port()
        proxy = start([listener(port)], [cluster("be", upstream.port)])
        wire = Wire.connect(port)
        wire.send(request("POST", headers=[("content-length", len(body))]))
        upstream.wait_requests(1)
        wait_until(unchanged_for(0.3, lambda: send_what_fits(wire, body, sent)), 15, "the upload is paused")
        assert sent[0] < len(body) // 2
        wire.reset()
        for gauge in ("http.ingress_http.downstream_cx_active", "cluster.be.upstream_cx_active"):
            wait_until(lambda: proxy.stat(gauge) == 0, 5, f"{gauge} == 0")
        upstream.tell()
        assert ended.wait(5), "the upstream connection is still open"


# --- Heads ---------------------------------------------------------------------------------------


def test_long_field_named_by_connection_forwarded(start, be):
    """Up to 64 letters of a name were compared without regard to case, longer ones as they were written."""
    names = ["X-" + ("aBcDeFgH" * 40)[:size] for size in (8, 62, 63, 80, 300)]
    port = free_port()
    start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        for spelling in (str, str.lower, str.upper, str.swapcase):
            named = [(spelling(name), "gone") for name in names]
            wire.send(request(headers=[("Connection", ", ".join(names)), *named, ("X-Kept", "1")]))
            assert wire.read_response().status == 200
    for seen in be.wait_requests(4):
        assert seen.get("x-kept") == "1"
        assert not [name for name in seen.names if name.lower().startswith("x-abc")]
        assert seen.get("connection") is None


def test_empty_request_id_kept(start, be):
    """Present but empty: it gets a value, where it stands."""
    port = free_port()
    start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request(headers=[("x-a", "1"), ("x-request-id", ""), ("x-b", "2")]))
        assert wire.read_response().status == 200
    seen = be.wait_requests(1)[0]
    assert [mask_value("x-request-id", value) for value in seen.get_all("x-request-id")] == ["<uuid4>"]
    names = seen.names
    assert names[names.index("x-a") :][:3] == ["x-a", "x-request-id", "x-b"]


def test_an_empty_line_behind_a_body_is_no_begin_of_a_request(start, be):
    """RFC 9112 2.2: some clients send one. It must not start the clock for a head, whose 408 would answer nobody."""
    port = free_port()
    start([listener(port, hcm={"request_headers_timeout": "0.2s"})], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        for _ in range(2):
            wire.send(request("POST", headers=[("content-length", "3")], body=b"abc") + b"\r\n")
            assert wire.read_response().status == 200
            assert not wire.closed_within(1.0)
            assert not wire.buffer


@pytest.mark.parametrize("size", [100_000, 400_000, 1_000_000, 3_000_000])
def test_a_pipelined_request_behind_an_unread_answer_survives_the_drain(start, be, size):
    be.settle(reply_always(response(body=b"x" * size)))
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port, receive_buffer=4096) as wire:
        wire.send(request() * 2)
        first = wire.read_head()
        assert first.get("connection") is None  # Else the second is the client's to repeat.
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: proxy.admin("/ready")[0] == 503, 10, "DRAINING")
        wire.read_body(first, False, time.monotonic() + READ_TIMEOUT, is_response=True)
        assert len(first.body) == size
        assert len(wire.read_response().body) == size
        assert wire.closed_within(10)
    assert proxy.wait(20) == 0

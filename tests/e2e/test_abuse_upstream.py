"""Upstreams that mean harm, or have lost their mind: bounded memory, a clear answer, a connection that is never used again."""
import threading
import time

import pytest
from harness import READ_TIMEOUT, Wire, chunked, cluster, dispatch, free_port, listener, request, response, wait_until
from scene import Setup
from test_abuse import HTTP, PATIENCE, nothing_left, send_without_end

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"content-length: 10\r\n\r\n"


class Flood:
    """A script: after a request it sends without end; `done` when the proxy has closed."""

    def __init__(self, piece, begin=b""):
        self.piece, self.begin = piece, begin
        self.done = threading.Event()

    def __call__(self, connection):
        if connection.next_request() is None:
            return
        send_without_end(connection, self.piece, self.begin)
        self.done.set()


@pytest.mark.parametrize("begin, piece", [
    (b"", b"H"), (b"HTTP/1.1 200 ", b"O"), (OK + b"x: ", b"y"), (OK + b"x", b"y"), (OK, b"x: y\r\n"),
    (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"", b"\r\n"),
    (b"", b"\0"),
], ids=["version", "reason", "value", "name", "fields", "103", "100", "empty-lines", "zeros"])
def test_a_head_without_an_end(start, be, growth, begin, piece):
    flood = Flood(piece, begin)
    be.settle(flood)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with growth(proxy, 4096), Wire.connect(port) as wire:
        wire.send(request())
        reply = wire.read_response()
        assert (reply.status, b"protocol error" in reply.body) == (502, True)
        assert flood.done.wait(PATIENCE)
    assert proxy.stat("cluster.be.upstream_cx_protocol_error") == 1
    assert proxy.stat("cluster.be.upstream_cx_active") == 0
    nothing_left(proxy)


CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("begin, piece", [
    (CHUNKED + b"1\r\nx\r\n1;", b"a"), (CHUNKED, b"1;abcdefghijklmnopqrstuvwxyz\r\nx\r\n"), (CHUNKED + b"0\r\n", b"a: b\r\n"),
    (CHUNKED + b"1\r\nx\r\n", b"0"),
], ids=["one-extension", "an-extension-on-each-chunk", "trailers", "zeros-of-a-size"])
def test_a_body_that_breaks_off_in_its_framing(start, be, growth, begin, piece):
    """The head has gone down: the client sees that the rest is missing."""
    flood = Flood(piece, begin)
    be.settle(flood)
    port = free_port()
    proxy = start([listener(port, hcm={"delayed_close_timeout": "0.2s"})], [cluster("be", be.port)])
    with growth(proxy, 4096), Wire.connect(port) as wire:
        wire.send(request())
        reply = wire.read_response(partial=True)
        assert reply.status == 502 or not reply.complete
        assert flood.done.wait(PATIENCE)
    assert proxy.stat("cluster.be.upstream_cx_protocol_error") == 1
    nothing_left(proxy)


@pytest.mark.parametrize("begin, piece", [
    (OK + b"\r\n", b"x"), (CHUNKED, b"1\r\nx\r\n"), (OK + b"content-length: 99999999999\r\n\r\n", b"x"),
], ids=["until-close", "chunks-of-a-byte", "sized"])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_goes_on_sending_when_the_client_has_gone(start, be, growth, begin, piece, leave):
    """The connection to the upstream ends with the client, whatever is still to come."""
    flood = Flood(piece, begin)
    be.settle(flood)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with growth(proxy, 8192):
        with Wire.connect(port) as wire:
            wire.send(request())
            wire.read_head()
            for _ in range(20):
                wire.buffer = b""
                wire.fill(time.monotonic() + READ_TIMEOUT)
            getattr(wire, leave)()
        assert flood.done.wait(PATIENCE)
        nothing_left(proxy)
    assert proxy.stat(HTTP + "downstream_cx_destroy_remote_active_rq") == 1
    assert proxy.stat("cluster.be.upstream_rq_tx_reset") == 1
    wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 10, "closed")


def test_floods_an_idle_connection(start, be, growth):
    """Bytes that nobody asked for end the connection; the next request gets another one."""
    flooded = threading.Event()

    def script(connection):
        while connection.next_request() is not None:
            connection.send(response(body=b"%d" % connection.number))
            if connection.number == 1:
                connection.wait_told()
                send_without_end(connection, response(body=b"EVIL"))
                flooded.set()
                return

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with growth(proxy, 4096), Wire.connect(port) as wire:
        for number in (b"1", b"2"):
            wire.send(request())
            assert wire.read_response().body == number
            be.tell()
            assert flooded.wait(PATIENCE)
    assert proxy.stat("cluster.be.upstream_cx_protocol_error") == 1
    nothing_left(proxy)


@pytest.mark.parametrize("begin, piece", [(OK + b"x: ", b"y"), (CHUNKED, b"1\r\nx\r\n"), (OK + b"\r\n", b"x")],
                         ids=["head", "chunks", "until-close"])
def test_side_request_without_an_end(start, be, side, growth, begin, piece):
    """What a side request's answer brings is dropped; the call ends by its timeout at the latest, and so does the hold."""
    flood = Flood(piece, begin)
    side.settle(flood)
    setup = Setup(start, be, side, dispatch("side", 1, timeout="1s"))
    with growth(setup.proxy, 4096):
        assert setup.ask().get("total-dispatched") == "1"
        assert flood.done.wait(PATIENCE)
        setup.settled()
    assert setup.dispatch_stat("calls_failed") + setup.dispatch_stat("calls_timeout") == 1
    nothing_left(setup.proxy)


def test_chunks_of_a_byte(start, be, growth):
    """Legal, and passed on whole."""
    body = bytes(range(256)) * 400
    data = CHUNKED + chunked(*[body[i : i + 1] for i in range(len(body))])
    be.settle(lambda connection: connection.next_request() and connection.send(data, PATIENCE))
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with growth(proxy, 8192), Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response(timeout=PATIENCE).body == body
    nothing_left(proxy)

"""One test per way in which a cut message looked whole: named after the bug."""
import socket
import time

import peers
from daemon import tcp_listener
from harness import READ_TIMEOUT, Wire, cluster, dispatch, free_port, listener, request, stopped, wait_until
from scene import held_until_told

OLD = {"http_protocol_options": {"accept_http_10": True}}
HALF = b"HTTP/1.1 200 OK\r\n\r\nhalf"
BIG_PART = b"x" * (8 << 20)


def half_until_told(connection):
    """A body without a length: half of it, and the rest when told."""
    if connection.next_request() is not None:
        connection.send(HALF)
        if connection.wait_told():
            connection.send(b" and half")


def begin_to_read(port):
    """An HTTP/1.0 client, for whom the end of the connection is the end of the body; it has `half`."""
    wire = Wire.connect(port)
    wire.send(request(version="HTTP/1.0"))
    assert wire.read_head().get("content-length") is None
    assert wire.read_exact(4, time.monotonic() + READ_TIMEOUT) == b"half"
    return wire


def assert_cut(wire):
    assert wire.read_to_eof() == b"" and wire.was_reset, "a FIN told the client that it had everything"


def test_tcp_client_told_of_an_end_when_the_upstream_reset(start, be):
    def script(connection):
        connection.fill(time.monotonic() + READ_TIMEOUT)
        connection.send(b"half")
        connection.wait_told()
        connection.reset()

    be.settle(script)
    port = free_port()
    start([tcp_listener(port, "be")], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(b"x")
        assert wire.read_exact(4, time.monotonic() + READ_TIMEOUT) == b"half"
        be.tell()
        assert_cut(wire)


def test_tcp_upstream_told_of_an_end_when_the_client_reset(start, be):
    be.settle(peers.echo)
    port = free_port()
    start([tcp_listener(port, "be")], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(b"half")
        assert wire.read_exact(4, time.monotonic() + READ_TIMEOUT) == b"half"
        wire.reset()
    be.connections[0].thread.join(READ_TIMEOUT)
    assert be.connections[0].was_reset and be.requests == []


def test_half_closed_http10_client_told_of_an_end_in_mid_body(start, be):
    be.settle(half_until_told)
    port = free_port()
    start([listener(port, hcm=OLD)], [cluster("be", be.port)])
    with begin_to_read(port) as wire:
        wire.half_close()
        assert_cut(wire)


def test_http10_client_told_of_an_end_when_the_process_stops(start, be):
    be.settle(half_until_told)
    port = free_port()
    proxy = start([listener(port, hcm=OLD)], [cluster("be", be.port)])
    with begin_to_read(port) as wire:
        proxy.signal(15)
        wait_until(lambda: proxy.admin("/ready")[0] == 503, 10, "draining")
        proxy.signal(15)
        assert_cut(wire)
    assert proxy.wait(10) == 0


def test_http10_client_that_reads_too_slowly_told_of_an_end(start, be, side):
    """The body came while it was held; what the client does not take within the idle time is thrown away."""

    def script(connection):
        if connection.next_request() is not None:
            connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + BIG_PART, 30)

    be.settle(script)
    side.settle(held_until_told)
    port = free_port()
    limits = {"per_connection_buffer_limit_bytes": 2 * len(BIG_PART)}
    hcm = {**OLD, "stream_idle_timeout": "0.5s"}
    proxy = start([listener(port, None, [dispatch("side", 1)], hcm=hcm, listener_extra=limits)],
                  [cluster("be", be.port, **limits), cluster("side", side.port)])
    with Wire.connect(port, receive_buffer=4096) as wire:
        wire.send(request(version="HTTP/1.0"))
        side.wait_requests(1)
        wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 20, "all has come")
        side.tell()
        wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == 0, 20, "given up")
        got = wire.read_to_eof(20)
    assert len(got) < len(BIG_PART) and wire.was_reset, (len(got), wire.was_reset)


def test_reset_noticed_by_a_write_taken_for_the_end_of_a_body_without_length(start, be):
    """The kernel tells of a reset once: when the upload's write had learnt it, the read behind it saw a mere end."""

    def script(connection):
        connection.next_head()
        connection.wait_told()
        connection.send(HALF)
        connection.reset()

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request("POST", headers=[("content-length", 1000)], body=b"x"))
        be.wait_requests(1)
        wait_until(lambda: proxy.stat("cluster.be.upstream_cx_tx_bytes_total") > 0, 10, "the request has left")
        with stopped(proxy.process.pid):  # It wakes to the client's bytes first, then to the upstream's.
            wire.send(b"y")
            be.tell()
            be.connections[0].thread.join(READ_TIMEOUT)
        reply = wire.read_response(partial=True)
    assert reply.status == 502, reply


def test_early_answer_without_length_whole_although_the_upload_breaks(start, be):
    """The upstream says all it has to say, ends, and does not take the upload: its FIN came before its reset."""

    def script(connection):
        connection.next_head()
        connection.wait_told()
        connection.send(HALF)
        connection.half_close()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes(8))
        connection.close()

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request("POST", headers=[("content-length", 1000)]))
        be.wait_requests(1)
        with stopped(proxy.process.pid):
            wire.send(b"y")
            be.tell()
            be.connections[0].thread.join(READ_TIMEOUT)
        reply = wire.read_response(partial=True)
    assert (reply.status, reply.body, reply.complete) == (200, b"half", True)


def test_answer_without_length_whole_although_a_reset_follows_its_end(start, be):
    """Data, end and reset are found at once; the end came first, so the answer is whole."""

    def script(connection):
        connection.next_head()
        connection.wait_told()
        connection.send(HALF)
        connection.half_close()
        connection.reset()

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request())
        be.wait_requests(1)
        with stopped(proxy.process.pid):
            be.tell()
            be.connections[0].thread.join(READ_TIMEOUT)
        reply = wire.read_response(partial=True)
    assert (reply.status, reply.body, reply.complete) == (200, b"half", True)

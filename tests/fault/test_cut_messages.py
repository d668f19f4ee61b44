"""One test per way in which a cut message looked whole: named after the bug."""
import socket
import time

import peers
from daemon import tcp_listener
from harness import READ_TIMEOUT, Wire, cluster, dispatch, free_port, listener, request, wait_until
from scene import held_until_told
from test_regressions import stopped

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

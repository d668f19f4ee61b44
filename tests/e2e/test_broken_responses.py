"""A response that turns out to be broken: a 502 while nothing of it has gone down, else a visible cut; never reused."""
import socket
import time

import pytest
from harness import Closed, Wire, cluster, free_port, listener, never, request, route, stopped, wait_until

HEAD = b"HTTP/1.1 200 OK\r\n"
SIZED = HEAD + b"content-length: 3\r\n\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"

WHOLE_AND_MORE = {
    "bytes behind a sized body": SIZED + b"abcX",
    "a second response": SIZED + b"abc" + SIZED + b"def",
    "an empty line": SIZED + b"abc\r\n",
    "bytes behind the last chunk": CHUNKED + b"3\r\nabc\r\n0\r\n\r\nX",
    "bytes behind a 204": b"HTTP/1.1 204 No Content\r\n\r\nX",
    "bytes behind a 304": b"HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\nabc",
    "bad chunk size": CHUNKED + b"3\r\nabc\r\nxyz\r\n",
    "bytes behind a chunk": CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
    "trailer that frames": CHUNKED + b"3\r\nabc\r\n0\r\ncontent-length: 3\r\n\r\n",
}


@pytest.fixture
def proxy(start, be):
    port = free_port()
    started = start([listener(port, [route("be")])], [cluster("be", be.port)])
    started.port = port
    return started


def once(data, close=False):
    """Answer the first request of each connection with these bytes; then see whether another one comes."""

    def script(connection):
        if connection.next_request() is None:
            return
        connection.send(data)
        if not close:
            connection.owner.reused = connection.next_request() is not None

    return script


@pytest.mark.parametrize("name", WHOLE_AND_MORE)
def test_broken_in_the_turn_of_its_head(proxy, be, name):
    be.settle(once(WHOLE_AND_MORE[name]))
    with Wire.connect(proxy.port) as wire:
        for _ in range(2):  # The client's connection goes on, the upstream's does not.
            wire.send(request())
            reply = wire.read_response()
            assert (reply.status, reply.body[-14:]) == (502, b"protocol error")
    assert [message.connection for message in be.wait_requests(2)] == [1, 2]
    assert proxy.stat("cluster.be.upstream_cx_protocol_error") == 2
    wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 10, "closed connections")
    assert not getattr(be, "reused", False)


def in_one_turn(proxy, data):
    """Answer and close while the proxy is stopped, so that it sees both at once."""

    def script(connection):
        if connection.next_request() is not None:
            with stopped(proxy.process.pid):
                connection.send(data)
                connection.half_close()

    return script


@pytest.mark.parametrize("data", [SIZED + b"ab", CHUNKED + b"3\r\nabc\r\n", CHUNKED + b"5\r\nabc"])
def test_end_of_the_connection_seen_with_the_head(proxy, be, data):
    be.settle(in_one_turn(proxy, data))
    with Wire.connect(proxy.port) as wire:
        wire.send(request())
        reply = wire.read_response()
        assert (reply.status, reply.body[-14:]) == (502, b"protocol error")


def test_end_of_the_connection_ends_a_body_without_length(proxy, be):
    be.settle(in_one_turn(proxy, HEAD + b"\r\nabc"))
    with Wire.connect(proxy.port) as wire:
        wire.send(request())
        reply = wire.read_response()
        assert (reply.status, reply.body) == (200, b"abc")


def test_an_urgent_byte_does_not_end_a_body_without_length(proxy, be):
    """A read ends early at the urgent mark, with the peer's end announced and bytes still to come."""

    def script(connection):
        if connection.next_request() is not None:
            with stopped(proxy.process.pid):
                connection.send(HEAD + b"\r\nabc")
                connection.sock.send(b"!", socket.MSG_OOB)
                connection.send(b"def")
                connection.half_close()

    be.settle(script)
    with Wire.connect(proxy.port) as wire:
        wire.send(request())
        reply = wire.read_response()
        assert (reply.status, reply.body) == (200, b"abcdef")


@pytest.mark.parametrize("rest", [b"xyz\r\n", b"3\r\ndefX", b"0\r\nhost: b\r\n\r\n", b"0\r\n\r\nX"])
def test_broken_behind_its_head(proxy, be, rest):
    def script(connection):
        if connection.next_request() is not None:
            connection.send(CHUNKED + b"3\r\nabc\r\n")
            connection.wait_told()
            connection.send(rest)
            connection.owner.reused = connection.next_request() is not None

    be.settle(script)
    with Wire.connect(proxy.port) as wire:
        wire.send(request())
        assert wire.read_head().status == 200
        be.tell()
        rest_of_it = wire.read_to_eof()
        assert rest_of_it.startswith(b"3\r\nabc\r\n") and not rest_of_it.endswith(b"0\r\n\r\n")
    wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 10, "closed connections")
    assert not getattr(be, "reused", False)


def test_sized_body_that_ends_in_more(proxy, be):
    """Its last bytes came with others: the client gets the length's worth less those, and the end."""

    def script(connection):
        if connection.next_request() is not None:
            connection.send(SIZED + b"a")
            connection.wait_told()
            connection.send(b"bcX")
            never(connection)

    be.settle(script)
    with Wire.connect(proxy.port) as wire:
        wire.send(request())
        assert wire.read_head().status == 200
        be.tell()
        with pytest.raises(Closed):
            wire.read_exact(3, time.monotonic() + 10)

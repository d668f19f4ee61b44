"""Large bodies go from socket to socket through a pipe: whole, in order, and no pipe is left behind."""
import os
import socket

import pytest
from harness import Closed, Wire, cluster, free_port, listener, noise, request, response, route, wait_until

SIZE = 6 * 1024 * 1024
BODY = noise(SIZE)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE
MOST_PIPES = 64


def pipes(proxy):
    """How many pipes the proxy has open."""
    directory = f"/proc/{proxy.process.pid}/fd"
    names = []
    for fd in os.listdir(directory):
        try:
            names.append(os.readlink(os.path.join(directory, fd)))
        except FileNotFoundError:
            pass
    return len({name for name in names if name.startswith("pipe:")})


def small_window(port):
    """A client that holds the proxy up as soon as it does not read."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(20)
    sock.connect(("127.0.0.1", port))
    return Wire(sock, "client")


@pytest.fixture
def proxy(start, be):
    port = free_port()
    proxy = start([listener(port, [route("be", timeout="0s")])], [cluster("be", be.port)], concurrency=1)
    proxy.port = port
    return proxy


def large_ones(connection):
    while (message := connection.next_request()) is not None:
        if message.target == "/small":
            connection.send(response(body=b"small"))
        else:
            connection.send(HEAD + BODY, 60)


def test_bodies_are_whole_and_connections_go_on(proxy, be):
    be.settle(large_ones)
    with Wire.connect(proxy.port) as wire:
        for target in ("/large", "/small", "/large", "/large", "/small"):
            wire.send(request(target=target))
            reply = wire.read_response(timeout=30)
            assert reply.body == (b"small" if target == "/small" else BODY), target
    assert {message.connection for message in be.wait_requests(5)} == {1}
    assert proxy.stat("cluster.be.upstream_cx_rx_bytes_total") > 3 * SIZE
    assert proxy.stat("http.ingress_http.downstream_cx_tx_bytes_total") > 3 * SIZE


def test_a_slow_reader_gets_all_in_order(proxy, be):
    be.settle(large_ones)
    before = pipes(proxy)
    with small_window(proxy.port) as wire:
        wire.send(request(target="/large") + request(target="/small"))
        wait_until(lambda: pipes(proxy) > before, 10, "bytes in a pipe")
        assert wire.read_response(timeout=60).body == BODY
        assert wire.read_response(timeout=20).body == b"small"
    wait_until(lambda: pipes(proxy) <= before + 1, 10, "one spare pipe at most")


def test_clients_that_leave_take_their_pipes_along(proxy, be):
    be.settle(large_ones)
    before = pipes(proxy)
    for _ in range(20):
        with small_window(proxy.port) as wire:
            wire.send(request(target="/large"))
            wait_until(lambda: pipes(proxy) > before, 10, "bytes in a pipe")
        wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == 0, 10, "the client's end seen")
        wait_until(lambda: pipes(proxy) <= before + 1, 10, "one spare pipe at most")
    assert proxy.stat("cluster.be.upstream_cx_active") == 0


def test_more_slow_readers_than_pipes(proxy, be):
    be.settle(large_ones)
    before = pipes(proxy)
    wires = [small_window(proxy.port) for _ in range(MOST_PIPES + 16)]
    try:
        for wire in wires:
            wire.send(request(target="/large"))
        wait_until(lambda: pipes(proxy) == before + MOST_PIPES, 30, "all pipes in use")
        for wire in (wires[0], wires[-1], wires[-8]):
            assert wire.read_response(timeout=60).body == BODY
    finally:
        for wire in wires:
            wire.close()
    wait_until(lambda: pipes(proxy) <= before + 1, 10, "one spare pipe at most")


@pytest.mark.parametrize("end", ["fin", "reset"])
def test_a_body_that_breaks_off_is_cut(proxy, be, end):
    def script(connection):
        if connection.next_request() is not None:
            connection.send(HEAD + BODY[: SIZE // 2], 60)
            sent = "http.ingress_http.downstream_cx_tx_bytes_total"
            wait_until(lambda: proxy.stat(sent) > SIZE // 4, 10, "the response on its way")  # Else it is a 502.
            connection.reset() if end == "reset" else connection.half_close()

    be.settle(script)
    with Wire.connect(proxy.port) as wire:
        wire.send(request(target="/large"))
        with pytest.raises(Closed):
            wire.read_response(timeout=30)
    wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 10, "the connection gone")


def test_bytes_behind_a_body_are_nobodys_answer(proxy, be):
    """They come in one read with the body's end, which is a cut, or alone: whoever asks next must not get them."""

    def script(connection):
        while connection.next_request() is not None:
            if connection.number == 1:
                connection.send(HEAD + BODY + response(body=b"forged"), 60)
            else:
                connection.send(response(body=b"right"))

    be.settle(script)
    with Wire.connect(proxy.port) as first:
        first.send(request(target="/large"))
        reply = first.read_response(timeout=30, partial=True)
        assert reply.status == 200 and reply.body == BODY[: len(reply.body)]
    with Wire.connect(proxy.port) as second:
        second.send(request(target="/next"))
        assert second.read_response().body == b"right"
    wait_until(lambda: proxy.stat("cluster.be.upstream_cx_protocol_error") == 1, 10, "a protocol error")


def test_a_last_read_that_fills_the_buffer_is_looked_behind(start, be):
    """The body ends where the read does, and more is there: the connection must not go to who waits for it."""
    port = free_port()
    limits = {"thresholds": [{"max_connections": 1}]}
    proxy = start([listener(port)], [cluster("be", be.port, per_connection_buffer_limit_bytes=4096,
                                             circuit_breakers=limits)], concurrency=1)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
    size = 4096 - len(head % 4000)
    answer = head % size + b"x" * size
    assert len(answer) == 4096

    def script(connection):
        while connection.next_request() is not None:
            if connection.number == 1:
                wait_until(lambda: proxy.stat("cluster.be.upstream_rq_pending_active") == 1, 10, "who waits")
                connection.send(answer + response(body=b"forged"))
            else:
                connection.send(response(body=b"right"))

    be.settle(script)
    with Wire.connect(port) as first, Wire.connect(port) as second:
        first.send(request(target="/first"))
        be.wait_requests(1)
        second.send(request(target="/second"))
        assert first.read_response().body == b"x" * size
        assert second.read_response().body == b"right"

"""Bodies of any size in constant memory, in both directions, and clients and upstreams that don't read."""
import socket
import threading
import time

import pytest
from harness import (
    ScriptedUpstream,
    Wire,
    cluster,
    dispatch,
    free_port,
    listener,
    noise,
    request,
    unchanged,
    wait_until,
)

GIB = 1 << 30
RSS_LIMIT_KIB = 32 * 1024
BLOCK = b"\0" * (1 << 20)
PATIENCE = 30.0
SIZES = pytest.mark.parametrize("size", [
    pytest.param(GIB // 4, id="256-MiB"), pytest.param(4 * GIB, id="4-GiB", marks=pytest.mark.heavy),
])


def send_zeros(sock, size):
    sock.settimeout(PATIENCE)
    left = size
    while left:
        left -= sock.send(BLOCK if left >= len(BLOCK) else BLOCK[:left])


def count_bytes(wire, size):
    """Read exactly `size` body bytes without keeping them."""
    got = len(wire.buffer)
    wire.buffer = b""
    scratch = bytearray(1 << 20)
    wire.sock.settimeout(PATIENCE)
    while got < size:
        step = wire.sock.recv_into(scratch, min(len(scratch), size - got))
        assert step, f"closed after {got} of {size} bytes"
        got += step
    return got


def watch_peak(proxy, stop, peaks):
    while not stop.wait(0.05):
        peaks.append(proxy.rss_kib())


@pytest.fixture
def peak(sanitized):
    """Checks the highest RSS seen in the meantime, where it means anything."""

    class Peak:
        def __enter__(self):
            return self

        def watch(self, proxy):
            self.stop, self.peaks = threading.Event(), [proxy.rss_kib()]
            self.thread = threading.Thread(target=watch_peak, args=(proxy, self.stop, self.peaks))
            self.thread.start()

        def __exit__(self, *_):
            self.stop.set()
            self.thread.join(10)
            if not sanitized:
                assert max(self.peaks) < RSS_LIMIT_KIB, f"{max(self.peaks)} KiB"

    return Peak()


def downloads(size):
    def script(connection):
        if connection.next_request() is None:
            return
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        send_zeros(connection.sock, size)

    return script


@SIZES
@pytest.mark.parametrize("held", [False, True], ids=["plain", "held"])
def test_download(start, be, side, peak, size, held):
    be.settle(downloads(size))
    port = free_port()
    proxy = start([listener(port, None, [dispatch("side", 3)] if held else [])],
                  [cluster("be", be.port), cluster("side", side.port)])
    with Wire.connect(port) as wire, peak:
        peak.watch(proxy)
        wire.send(request())
        head = wire.read_head()
        assert head.get("content-length") == str(size)
        assert count_bytes(wire, size) == size


@SIZES
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_upload(start, be, peak, size, chunked):
    """The upstream counts body bytes; a chunked body is re-framed, so there it counts what the chunk headers say."""

    def script(connection):
        head = connection.next_head(PATIENCE)
        if head.get("content-length"):
            count_bytes(connection, size)
            got = size
        else:
            got = count_chunks(connection)
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%d" % (len(str(got)), got))

    be.settle(script)
    port = free_port()
    proxy = start([listener(port, hcm={"stream_idle_timeout": "60s"})], [cluster("be", be.port)])
    with Wire.connect(port) as wire, peak:
        peak.watch(proxy)
        if chunked:
            wire.send(request("POST", headers=[("transfer-encoding", "chunked")]))
            for _ in range(size // len(BLOCK)):
                wire.send(b"100000\r\n", PATIENCE)
                wire.send(BLOCK, PATIENCE)
                wire.send(b"\r\n", PATIENCE)
            wire.send(b"0\r\n\r\n")
        else:
            wire.send(request("POST", headers=[("content-length", size)]))
            send_zeros(wire.sock, size)
        reply = wire.read_response(timeout=PATIENCE)
    assert reply.body == str(size).encode()


def count_chunks(connection):
    total = 0
    while True:
        size = int(connection.read_until(b"\r\n", time.monotonic() + PATIENCE), 16)
        if size:
            left = size - len(connection.buffer)
            if left >= 0:
                count_bytes(connection, size)
            else:
                connection.buffer = connection.buffer[size:]
            total += size
        assert connection.read_exact(2, time.monotonic() + PATIENCE) == b"\r\n"
        if not size:
            return total


@pytest.mark.parametrize("held", [False, True], ids=["not reading", "held"])
def test_download_is_held_back(start, be, side, sanitized, held):
    """A client that doesn't read (or whose response is held) makes the upstream wait; the rest comes when it reads."""
    size = 256 << 20
    sent = [0]

    def script(connection):
        if connection.next_request() is None:
            return
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        connection.sock.settimeout(PATIENCE)
        while sent[0] < size:
            sent[0] += connection.sock.send(BLOCK[: size - sent[0]])

    def side_script(connection):
        while connection.next_request() is not None:
            if held:
                connection.wait_told()
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    be.settle(script)
    side.settle(side_script)
    port = free_port()
    proxy = start([listener(port, None, [dispatch("side", 1)])], [cluster("be", be.port), cluster("side", side.port)])
    with Wire.connect(port, receive_buffer=65536) as wire:
        wire.send(request())
        wait_until(unchanged(lambda: sent[0]), 20, "the upstream waits")
        assert sent[0] < size // 4
        if not sanitized:
            assert proxy.rss_kib() < RSS_LIMIT_KIB
        side.tell()
        wire.read_head()
        assert count_bytes(wire, size) == size


def test_upload_is_held_back(start, be, sanitized):
    """An upstream that doesn't read makes the client wait."""
    size = 256 << 20

    def script(connection):
        head = connection.next_head()
        connection.wait_told()
        count_bytes(connection, size)
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        return head

    be.settle(script)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    sent = [0]
    with Wire.connect(port) as wire:
        wire.send(request("POST", headers=[("content-length", size)]))
        be.wait_requests(1)

        def push():
            wire.sock.settimeout(PATIENCE)
            while sent[0] < size:
                sent[0] += wire.sock.send(BLOCK[: size - sent[0]])

        thread = threading.Thread(target=push)
        thread.start()
        wait_until(unchanged(lambda: sent[0]), 20, "the client waits")
        assert sent[0] < size // 4
        if not sanitized:
            assert proxy.rss_kib() < RSS_LIMIT_KIB
        be.tell()
        thread.join(60)
        assert sent[0] == size
        assert wire.read_response().body == b"ok"


@pytest.mark.parametrize("seconds", [pytest.param(3, id="3-s"), pytest.param(30, id="30-s", marks=pytest.mark.heavy)])
def test_many_clients_that_do_not_read(start, be, figures, seconds):
    """20 slow readers hold no more than the buffer limits: 2 x 64 KiB each here."""
    be.settle(downloads(64 << 20))
    port = free_port()
    limit = {"per_connection_buffer_limit_bytes": 65536}
    proxy = start([listener(port, listener_extra=limit)], [cluster("be", be.port, **limit)])
    before = proxy.rss_kib()
    wires = [Wire.connect(port, receive_buffer=4096) for _ in range(20)]
    for wire in wires:
        wire.send(request())
    be.wait_requests(20)
    deadline = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > deadline, seconds + 5)
    assert proxy.rss_kib() - before < 20 * 4 * 64 + 2048
    for wire in wires:
        wire.reset()
    wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == 0, 10)


def test_slow_reader_gets_everything(start):
    """Byte by byte at first, then the rest: nothing is lost or repeated."""
    body = noise(2_000_000)

    def script(connection):
        if connection.next_request() is not None:
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
            connection.send(body, PATIENCE)

    with ScriptedUpstream(script) as upstream:
        port = free_port()
        start([listener(port)], [cluster("be", upstream.port)])
        with Wire.connect(port, receive_buffer=2048) as wire:
            wire.send(request())
            wire.read_head()
            got = bytearray(wire.buffer)
            wire.buffer = b""
            while len(got) < len(body):
                step = wire.sock.recv(1 if len(got) < 5000 else 3000)
                assert step
                got += step
    assert bytes(got) == body
    assert isinstance(wire.sock, socket.socket)

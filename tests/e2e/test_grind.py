"""Every message cut at every byte: the two parts are read apart (the proxy's own byte counters prove it)."""
import os

import pytest
from harness import (
    ScriptedUpstream,
    Timeout,
    Wire,
    chunked,
    cluster,
    dispatch,
    free_port,
    listener,
    never,
    reply_always,
    request,
    response,
    wait_until,
)
from scene import Setup

CHUNKS = b"3;e=1\r\nhel\r\n2\r\nlo\r\n0\r\nt: v\r\n\r\n"
REQUESTS = {
    "get": request(target="/a?b", headers=[("x-a", "1")]),
    "sized": request("POST", "/", [("content-length", "5")], b"hello"),
    "chunked": request("POST", "/", [("transfer-encoding", "chunked")], CHUNKS),
    "two": request(target="/1") + request(target="/2"),
}
CHUNKED_A = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"a")
RESPONSES = {
    "sized": (response(headers=[("x-a", "1")], body=b"hello"), b"hello"),
    "chunked": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + CHUNKS, b"hello"),
    "interim": (b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" + response(body=b"hello"), b"hello"),
    "204": (b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", b""),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_request_cut_at_every_byte(start, be, name):
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    data = REQUESTS[name]
    count = 2 if name == "two" else 1
    read = "http.ingress_http.downstream_cx_rx_bytes_total"
    with Wire.connect(port) as wire:
        for cut in range(1, len(data)):
            before = proxy.stat(read)
            wire.send(data[:cut])
            wait_until(lambda: proxy.stat(read) == before + cut, 10, f"{cut} bytes read")
            wire.send(data[cut:])
            for _ in range(count):
                assert wire.read_response().body == b"hello\n"
    assert len(be.requests) == count * (len(data) - 1)
    if name in ("sized", "chunked"):
        assert {message.body for message in be.requests} == {b"hello"}


@pytest.mark.parametrize("held", [False, True], ids=["plain", "held"])
@pytest.mark.parametrize("name", RESPONSES)
def test_response_cut_at_every_byte(start, be, side, name, held):
    data, body = RESPONSES[name]
    port = free_port()
    proxy = start([listener(port, None, [dispatch("side", 1)] if held else [])],
                  [cluster("be", be.port), cluster("side", side.port)])
    read = "cluster.be.upstream_cx_rx_bytes_total"

    def script(connection):
        cut = 0
        while connection.next_request() is not None:
            cut += 1
            before = proxy.stat(read)
            connection.send(data[:cut])
            wait_until(lambda: proxy.stat(read) == before + cut, 10, f"{cut} bytes read")
            connection.send(data[cut:])

    be.settle(script)
    with Wire.connect(port) as wire:
        for _ in range(1, len(data)):
            wire.send(request())
            reply = wire.read_response()
            assert reply.body == body
            assert reply.get("total-dispatched") == ("1" if held else None)
    assert be.errors == []


def open_files(proxy):
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))


def test_client_resets_at_every_byte(start, be, side):
    """Whatever part of a request has come when the client vanishes: nothing is left behind."""
    setup = Setup(start, be, side, dispatch("side", 2))
    assert setup.ask().status == 200
    before = open_files(setup.proxy)
    data = REQUESTS["sized"] + REQUESTS["chunked"]
    for cut in range(len(data)):
        wire = Wire.connect(setup.port)
        wire.send(data[:cut])
        wire.reset()
    wait_until(lambda: setup.proxy.stat("http.ingress_http.downstream_cx_active") == 0, 10, "all gone")
    setup.settled()
    assert setup.ask().status == 200
    idle = setup.proxy.stat("cluster.be.upstream_cx_active") + setup.proxy.stat("cluster.side.upstream_cx_active")
    wait_until(lambda: open_files(setup.proxy) <= before + idle, 10, "descriptors given back")


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
def test_upstream_of_side_requests_leaves_at_every_byte(start, be, side, reset):
    """A cut reply is a failed call (of the main upstream's: tests/fault/test_gate.py)."""
    data = RESPONSES["chunked"][0]
    cuts = iter(range(len(data)))

    def script(connection):
        if connection.next_request() is None:
            return
        connection.send(data[: next(cuts)])
        if reset:
            connection.reset()

    side.settle(script)
    setup = Setup(start, be, side, dispatch("side", 1, on_failure="mark"))
    for cut in range(len(data)):
        with Wire.connect(setup.port) as wire:
            wire.send(request())
            reply = wire.read_response(partial=True)
        assert (reply.status, reply.complete, reply.get("total-dispatched")) == (200, True, "1"), (cut, reply)
    setup.settled()


def test_out_of_descriptors(start, be, sanitized):
    """With 64 descriptors and 100 clients some wait; when others leave, all is well again."""
    if sanitized:
        pytest.skip("UBSan's own vptr check opens a pipe, and reports an error when it can't")
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    limit(proxy, 64)
    wires = [Wire.connect(port) for _ in range(100)]
    answered = []
    for wire in wires:
        wire.send(request())
    for wire in wires:
        try:
            answered.append(wire.read_response(timeout=0.2).status)
        except (Timeout, AssertionError):
            pass  # Not accepted yet, or refused: only the ones that got an answer count here.
    assert 10 < len(answered) < 100
    assert proxy.running()
    for wire in wires:
        wire.close()

    def fine():
        try:
            with Wire.connect(port) as wire:
                wire.send(request())
                return wire.read_response(timeout=1).status == 200
        except AssertionError:
            return False

    wait_until(fine, 20, "serving again")
    assert proxy.admin("/ready")[0] == 200
    assert len(proxy.stderr().splitlines()) < 20


def limit(proxy, count):
    import resource

    resource.prlimit(proxy.process.pid, resource.RLIMIT_NOFILE, (count, count))


def test_listener_survives_a_thousand_connections(start, be):
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    wires = [Wire.connect(port) for _ in range(1000)]
    wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == 1000, 20, "all accepted")
    for wire in wires[::50]:
        wire.send(request())
        assert wire.read_response().status == 200
    for wire in wires:
        wire.close()
    wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == 0, 20, "all gone")


def test_calls_survive_a_pool_that_always_dies(start, be):
    """Each side connection dies right after its answer: every next call meets a stale connection or a new one."""

    def script(connection):
        if connection.next_request() is not None:
            connection.send(response(body=b"x"))

    with ScriptedUpstream(script) as side:
        setup = Setup(start, be, side, dispatch("side", 5, on_failure="mark"))
        for _ in range(100):
            assert setup.ask().get("total-dispatched") == "5"
        setup.settled()


@pytest.mark.parametrize("script", [never, reply_always(CHUNKED_A)], ids=["calls out", "calls done"])
def test_stop_in_the_middle_of_everything(start, be, side, script):
    """quitquitquit with calls out and clients waiting: the process ends."""
    side.settle(script)
    setup = Setup(start, be, side, dispatch("side", 3))
    wires = [Wire.connect(setup.port) for _ in range(10)]
    for wire in wires:
        wire.send(request())
    be.wait_requests(10)
    setup.proxy.admin("/quitquitquit", "POST")
    for wire in wires:
        wire.close()
    assert setup.proxy.wait(15) == 0

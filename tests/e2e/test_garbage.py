"""Garbage from both sides at once: mutated requests, mutated replies, aborts; nothing crashes and nothing is left."""
import random
import re
import time

import pytest
from harness import (
    TYPE,
    Closed,
    ScriptedUpstream,
    Timeout,
    Wire,
    cluster,
    direct,
    dispatch,
    free_port,
    listener,
    request,
    response,
    route,
    wait_until,
)

SECONDS = 4
OPEN_CLIENTS = 40
BYTES = b'\0\r\n :;,0aZ\xff\x7f"'
PIECES = [b"\r\n", b" ", b"\0", b"0", b"ffffffff", b"\r\n\r\n", b":"]
REQUESTS = [
    request(target="/x?y", headers=[("Connection", "keep-alive, x-a"), ("X-A", "1")]),
    request(target="/direct", version="HTTP/1.0"),
    request("HEAD", "/dead"),
    request("POST", "/", [("Content-Length", "3")], b"abc"),
    request("POST", "/", [("Transfer-Encoding", "chunked")], b"3;a=b\r\nabc\r\n0\r\nt: u\r\n\r\n"),
    request("PUT", "/", [("Expect", "100-continue"), ("Content-Length", "3")], b"abc"),
]
REPLIES = [
    response(headers=[("x-a", "1")], body=b"abc"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\nt: u\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(404, body=b"no"),
    b"HTTP/1.0 200 OK\r\n\r\nuntil close",
    b"HTTP/1.1 204 No Content\r\n\r\n",
]


def mutate(choice, data):
    data = bytearray(data)
    for _ in range(choice.choice([0, 0, 1, 1, 2, 4])):
        at, kind = choice.randrange(len(data) + 1), choice.random()
        if kind < 0.4 and at < len(data):
            data[at] = choice.choice(BYTES)
        elif kind < 0.7:
            del data[at : at + choice.choice([1, 2, 9])]
        else:
            data[at:at] = choice.choice(PIECES)
    return bytes(data)


def replier(seed):
    choice = random.Random(seed)

    def script(connection):
        while connection.next_head(timeout=5) is not None:
            data = mutate(choice, choice.choice(REPLIES))
            cut = choice.randrange(len(data) + 1)
            connection.send(data[:cut])
            connection.send(data[cut:])
            fate = choice.random()
            if fate < 0.1:
                return connection.reset()
            if fate < 0.4:
                return None
        return None

    return script


def one_client(choice, port):
    """Send something; None if it has gone already."""
    wire = Wire.connect(port)
    data = b"".join(mutate(choice, choice.choice(REQUESTS)) for _ in range(choice.choice([1, 1, 2, 3])))
    cut = choice.randrange(len(data) + 1) if choice.random() < 0.4 else len(data)
    wire.try_send(data[:cut])
    if choice.random() < 0.3:
        wire.try_send(data[cut:])
    fate = choice.random()
    if fate < 0.2:
        wire.reset()
        return None
    if fate < 0.3:
        try:
            wire.half_close()
        except OSError:
            pass  # It was closed on us: as good.
    return wire


@pytest.mark.parametrize("workers", [1, 3])
def test_garbage(start, workers):
    choice = random.Random(workers)
    port = free_port()
    hcm = {
        "http_protocol_options": {"accept_http_10": True},
        "use_remote_address": True,
        "stream_idle_timeout": "1s",
        "delayed_close_timeout": "0.05s",
        "access_log": [{"name": "log", "typed_config": {
            "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": "/dev/null"}}],
    }
    routes = [direct(200, "hi", "/direct"), route("dead", "/dead"), route("be", "/", timeout="0.3s")]
    filters = [dispatch("side", 2, max_hold="0.2s", on_failure=word) for word in ("mark", "error")]
    with ScriptedUpstream(replier(1)) as be, ScriptedUpstream(replier(2)) as side:
        clusters = [cluster("be", be.port), cluster("side", side.port), cluster("dead", free_port())]
        proxy = start([listener(port, routes, filters, hcm=hcm)], clusters, concurrency=workers)
        deadline = time.monotonic() + SECONDS
        wires = []
        while time.monotonic() < deadline:
            assert proxy.running(), proxy.stderr()
            wire = one_client(choice, port)
            if wire:
                wires.append(wire)
            if len(wires) > OPEN_CLIENTS:
                leaving = wires.pop(choice.randrange(len(wires)))
                try:
                    leaving.read_to_eof(0.02)
                except (Timeout, Closed):
                    pass  # Whatever came: this client goes now.
                leaving.close()
        for wire in wires:
            wire.close()
        gauges = re.compile(r"(dispatch\.(calls|holds)_active|_rq_active|pending_active|downstream_cx_active)$")
        wait_until(lambda: not [n for n, v in proxy.stats().items() if v and gauges.search(n)], 20, "gauges at zero")
        stats = {n.rsplit(".", 1)[1]: v for n, v in proxy.stats("^cluster.side.dispatch").items()}
        ended = sum(stats["calls_" + word] for word in ("ok", "failed", "timeout", "overflow", "cancelled"))
        assert stats["calls_total"] == ended > 0, stats
        assert proxy.admin("/ready")[0] == 200

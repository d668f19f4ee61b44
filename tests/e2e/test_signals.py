"""Signals: TERM and INT drain, a second one ends at once, USR1 opens the logs anew, HUP does nothing."""
import os
import signal
import time

import pytest
from harness import (
    Closed,
    ScriptedUpstream,
    TYPE,
    Wire,
    cluster,
    dispatch,
    free_port,
    listener,
    never,
    request,
    response,
    wait_until,
)


def told(connection):
    while connection.next_request() is not None:
        if not connection.wait_told():
            return
        connection.send(response(body=b"late"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain(start, be, number):
    """Finish what is in flight, refuse what is new, then exit 0."""
    be.settle(told)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as busy, Wire.connect(port) as idle:
        idle.send(request("OPTIONS", "*"))
        assert idle.read_response().status == 404
        busy.send(request())
        be.wait_requests(1)
        proxy.signal(number)
        wait_until(lambda: proxy.admin("/ready") == (503, "DRAINING\n"), 10, "DRAINING")
        wait_until(lambda: not accepts(port), 10, "new connections refused")
        assert proxy.running()
        be.tell()
        reply = busy.read_response()
        assert (reply.status, reply.body, reply.get("connection")) == (200, b"late", "close")
        assert proxy.wait(10) == 0


def accepts(port):
    try:
        Wire.connect(port, timeout=2).close()
        return True
    except OSError:
        return False


def test_drain_waits_for_a_held_response(start, be):
    with ScriptedUpstream(told) as side:
        port = free_port()
        clusters = [cluster("be", be.port), cluster("side", side.port)]
        proxy = start([listener(port, None, [dispatch("side", 3)])], clusters)
        with Wire.connect(port) as wire:
            wire.send(request())
            side.wait_requests(3)
            proxy.signal(signal.SIGTERM)
            wait_until(lambda: proxy.admin("/ready")[0] == 503, 10)
            side.tell()
            assert wire.read_response().get("total-dispatched") == "3"
        assert proxy.wait(10) == 0


def test_idle_daemon_ends_at_once(start):
    proxy = start([listener(free_port())], [cluster("be", free_port())])
    begun = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(10) == 0
    assert time.monotonic() - begun < 5


def test_second_signal_ends_at_once(start, be):
    be.settle(never)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request())
        be.wait_requests(1)
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: proxy.admin("/ready")[0] == 503, 10)
        begun = time.monotonic()
        proxy.signal(signal.SIGTERM)
        proxy.wait(10)
        assert time.monotonic() - begun < 3
        with pytest.raises(Closed):
            wire.read_response()


def test_drain_time_is_the_limit(start, be):
    be.settle(never)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)], args=["--drain-time-s", "1"])
    with Wire.connect(port) as wire:
        wire.send(request())
        be.wait_requests(1)
        begun = time.monotonic()
        proxy.signal(signal.SIGTERM)
        proxy.wait(15)
        assert 0.5 < time.monotonic() - begun < 6


def access_log(path):
    return {"access_log": [{"name": "file", "typed_config": {
        "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(path)}}]}


def test_usr1_opens_the_access_log_anew(start, be, tmp_path):
    path = tmp_path / "access.log"
    port = free_port()
    proxy = start([listener(port, hcm=access_log(path))], [cluster("be", be.port)])

    def ask(target):
        with Wire.connect(port) as wire:
            wire.send(request(target=target))
            assert wire.read_response().status == 200

    ask("/one")
    wait_until(lambda: path.exists() and "/one" in path.read_text(), 5, "the first line")
    path.rename(tmp_path / "rotated.log")
    proxy.signal(signal.SIGUSR1)
    wait_until(path.exists, 5, "the new file")
    ask("/two")
    wait_until(lambda: "/two" in path.read_text(), 5, "the second line")
    assert "/two" not in (tmp_path / "rotated.log").read_text()


def test_access_log_is_flushed_within_a_second_and_at_the_end(start, be, tmp_path):
    path = tmp_path / "access.log"
    port = free_port()
    proxy = start([listener(port, hcm=access_log(path))], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request(target="/first"))
        wire.read_response()
        wait_until(lambda: path.exists() and "/first" in path.read_text(), 2.5, "flushed")
        wire.send(request(target="/last"))
        wire.read_response()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(10) == 0
    assert "/last" in path.read_text()


def test_hup_is_harmless(start, be):
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    for _ in range(3):
        proxy.signal(signal.SIGHUP)
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().status == 200
    assert proxy.running()


def test_pipe_errors_are_harmless(start, be):
    """SIGPIPE: clients that vanish while an answer is on its way."""
    be.settle(told)
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    for _ in range(20):
        wire = Wire.connect(port)
        wire.send(request())
        wire.reset()
    be.tell()
    wait_until(lambda: proxy.stat("cluster.be.upstream_rq_active") == 0, 10, "all ended")
    assert proxy.running()
    os.kill(proxy.process.pid, 0)

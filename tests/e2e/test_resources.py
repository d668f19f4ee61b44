"""Out of descriptors, disk full, closed pipes: back off, count, say it once, go on; traffic that needs none of it
goes on untouched."""
import contextlib
import fcntl
import os
import resource
import signal

import pytest
from dns_server import DnsServer, dns_cluster
from harness import TYPE, Closed, Wire, cluster, dispatch, free_port, listener, request, unchanged, wait_until
from scene import Setup
from test_tcp_proxy import tcp_listener

HTTP = "http.ingress_http."


class Watch:
    """The admin server over one connection that is open already: it needs no further descriptor."""

    def __init__(self, proxy):
        self.wire = Wire.connect(proxy.admin_port)

    def wait_for(self, name, value):
        wait_until(lambda: self.stat(name) == value, 10, f"{name} {value}")

    def stat(self, name):
        self.wire.send(request(target=f"/stats?filter=^{name}$"))
        text = self.wire.read_response().body.decode()
        return int(text.rsplit(": ", 1)[1]) if text.strip() else 0


@contextlib.contextmanager
def out_of_descriptors(proxy, spare=0):
    """The process may open so many more descriptors, and no others."""
    pid = proxy.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = wait_until(unchanged(lambda: sorted(map(int, os.listdir(f"/proc/{pid}/fd"))), 0.2), 10, "descriptors settle")
    free = [fd for fd in range(used[-1] + spare + 2) if fd not in used]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[spare], hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("workers", [1, 3])
def test_accept(start, be, workers):
    """Who is connected is served on; who waits in the kernel's queue is served as soon as there are descriptors."""
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)], concurrency=workers)
    watch = Watch(proxy)
    with contextlib.ExitStack() as stack:
        inside = [stack.enter_context(Wire.connect(port)) for _ in range(6)]

        def served(wires):
            for wire in wires:
                wire.send(request())
            return [wire.read_response().status for wire in wires] == [200] * len(wires)

        assert served(inside)
        with out_of_descriptors(proxy):
            waiting = [stack.enter_context(Wire.connect(port)) for _ in range(40)]
            counter = f"listener.127.0.0.1_{port}.accept_error"
            wait_until(lambda: watch.stat(counter) >= 3, 10, "it tries again and again, and counts")
            assert watch.stat(counter) < 200, "but not in a busy loop"
            assert served(inside)
        assert served(waiting)
    assert proxy.stderr().count("can't accept: Too many open files") == 1, proxy.stderr()
    assert "holdfast_listener_accept_errors_total" in proxy.admin("/metrics")[1]
    wait_until(lambda: proxy.stat(HTTP + "downstream_cx_active") == 0, 10, "all closed")


def test_upstream_connections(start, be):
    """A request that needs a new connection gets a 503 as for a failed connect; a pooled one serves on."""
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    watch = Watch(proxy)
    with Wire.connect(port) as first, Wire.connect(port) as second:
        watch.wait_for(HTTP + "downstream_cx_active", 2)
        with out_of_descriptors(proxy):
            for number in range(1, 4):
                first.send(request())
                reply = first.read_response()
                assert (reply.status, b"connection failure" in reply.body) == (503, True), reply.body
                assert watch.stat("cluster.be.upstream_cx_connect_fail") == number
        for wire in (first, second):
            wire.send(request())
            assert wire.read_response().status == 200
        with out_of_descriptors(proxy):
            second.send(request())
            assert second.read_response().status == 200
    assert proxy.stderr().count("cluster 'be' can't connect: Too many open files") == 1
    wait_until(lambda: proxy.stat("cluster.be.upstream_rq_pending_active") == 0, 10)


def test_tcp_proxy(start, be):
    """Bytes cannot be answered: the connection is closed, and counted."""
    port = free_port()
    proxy = start([tcp_listener(port, "be")], [cluster("be", be.port)])
    with out_of_descriptors(proxy, spare=1), Wire.connect(port) as wire:
        with pytest.raises(Closed):
            wire.send(request())
            wire.read_response()
    assert proxy.stat("cluster.be.upstream_cx_connect_fail") == 1
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().status == 200


def test_side_requests(start, be, side):
    """They fail and are counted; the response is released; all is well again with the descriptors."""
    setup = Setup(start, be, side, dispatch("side", 3, on_failure="mark"))
    watch = Watch(setup.proxy)
    with Wire.connect(setup.port) as wire, Wire.connect(setup.port) as other:
        watch.wait_for(HTTP + "downstream_cx_active", 2)
        with out_of_descriptors(setup.proxy, spare=1):
            wire.send(request())
            reply = wire.read_response()
            assert (reply.status, reply.get("x-dispatch-failed")) == (200, "3")
            assert watch.stat("cluster.side.dispatch.calls_failed") == 3
        other.send(request())
        assert other.read_response().get("x-dispatch-failed") is None
    setup.settled()


def test_dns(start, be):
    """Lookups that cannot open a socket fail and are counted; the addresses of before stay."""
    with DnsServer({"be.test": ["127.0.0.1"]}) as dns:
        port = free_port()
        proxy = start([listener(port)], [dns_cluster("be", "be.test", be.port, dns.port)])
        watch = Watch(proxy)
        with Wire.connect(port) as wire:
            wire.send(request())
            assert wire.read_response().status == 200
            with out_of_descriptors(proxy):
                wait_until(lambda: watch.stat("cluster.be.update_failure") >= 2, 20, "lookups fail")
                wire.send(request())
                assert wire.read_response().status == 200
        good = proxy.stat("cluster.be.update_success")
        wait_until(lambda: proxy.stat("cluster.be.update_success") > good, 20, "lookups work again")


def access_log(path):
    kind = "stream.v3.StdoutAccessLog" if path is None else "file.v3.FileAccessLog"
    config = {"@type": TYPE + "envoy.extensions.access_loggers." + kind, **({"path": str(path)} if path else {})}
    return {"access_log": [{"name": "log", "typed_config": config}]}


def ask(port, count=1, target="/"):
    with Wire.connect(port) as wire:
        for _ in range(count):
            wire.send(request(target=target))
            assert wire.read_response().status == 200


def test_access_log_on_a_full_disk(start, be):
    """Lines are lost, each failed write is counted, it is told once; requests notice nothing."""
    port = free_port()
    proxy = start([listener(port, hcm=access_log("/dev/full"))], [cluster("be", be.port)])
    for failures in range(1, 4):
        ask(port, 20)
        wait_until(lambda: proxy.stat("filesystem.write_failed") >= failures, 10, "counted")
    assert proxy.stderr().count("No space left on device") == 1
    assert 'holdfast_access_log_writes_total{result="failed"}' in proxy.admin("/metrics")[1]
    assert proxy.stat("filesystem.write_total_buffered") == 0


def test_access_log_into_a_closed_pipe(start, be):
    port = free_port()
    reader, writer = os.pipe()
    proxy = start([listener(port, hcm=access_log(None))], [cluster("be", be.port)], stdout=writer)
    os.close(writer)
    ask(port, 5)
    wait_until(lambda: proxy.stat("filesystem.write_completed") > 0, 10, "written")
    os.close(reader)
    for failures in range(1, 4):
        ask(port, 5)
        wait_until(lambda: proxy.stat("filesystem.write_failed") >= failures, 10, "counted")
    assert proxy.stderr().count("Broken pipe") == 1
    assert proxy.running()


@pytest.mark.parametrize("big", [True, False], ids=["lines of 50 KB", "lines of 100 B"])
def test_access_log_into_a_pipe_that_nobody_reads(start, be, big):
    """Requests are served, and the process can be stopped: no write lasts for ever."""
    port = free_port()
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    proxy = start([listener(port, hcm=access_log(None))], [cluster("be", be.port)], stdout=writer)
    os.close(writer)
    for _ in range(3):
        ask(port, 20, "/" + "x" * (50_000 if big else 100))
    wait_until(lambda: proxy.stat("filesystem.write_total_buffered") > 0, 10, "lines wait")
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(15) == 0
    os.close(reader)


def complain(proxy, count):
    """Make it write to its log at least so many lines."""
    assert proxy.admin("/logging?main=info", "POST")[0] == 200
    for _ in range(count):
        proxy.signal(signal.SIGHUP)
        proxy.admin("/ready")


@pytest.mark.parametrize("fate", ["full disk", "closed pipe", "nobody reads"])
def test_diagnostics(start, be, fate):
    """What the log cannot take is lost and counted; requests notice nothing, and the process can be stopped."""
    port = free_port()
    reader, pipe = os.pipe()
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    stderr = os.open("/dev/full", os.O_WRONLY) if fate == "full disk" else pipe
    proxy = start([listener(port)], [cluster("be", be.port)], stderr=stderr)
    if fate == "closed pipe":
        os.close(reader)
        os.close(pipe)

    def lost():
        complain(proxy, 20)
        return proxy.stat("server.log_lines_lost") > 0

    wait_until(lost, 20, "lines are lost")
    ask(port, 20)
    assert "holdfast_log_lines_lost_total" in proxy.admin("/metrics")[1]
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(15) == 0


def test_diagnostics_come_back(start, be):
    """When somebody reads again, lines come whole again, the first on a line of its own."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    proxy = start([listener(free_port())], [cluster("be", be.port)], stderr=writer)
    os.close(writer)

    def lost():
        complain(proxy, 20)
        return proxy.stat("server.log_lines_lost") > 0

    wait_until(lost, 20, "lines are lost")
    os.set_blocking(reader, False)
    text = os.read(reader, 1 << 20)

    def more():
        complain(proxy, 1)
        with contextlib.suppress(BlockingIOError):
            return os.read(reader, 1 << 20)
        return b""

    text += wait_until(more, 10, "lines again")
    for line in text.decode().splitlines()[-3:]:
        assert line.count("eating SIGHUP") <= 1
    assert text.endswith(b"\n")
    os.close(reader)

"""What a service manager is told ($NOTIFY_SOCKET, sd_notify(3)), so that units may say Type=notify."""
import os
import signal
import socket

import pytest
from harness import Wire, cluster, free_port, listener, request, wait_until


def manager(address):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(address)
    sock.settimeout(20)
    return sock


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_ready_and_stopping(start, be, tmp_path, kind):
    name = str(tmp_path / "notify") if kind == "path" else f"@holdfast-test-{os.getpid()}"
    port = free_port()
    with manager(name.replace("@", "\0") if kind == "abstract" else name) as sock:
        proxy = start([listener(port)], [cluster("be", be.port)], env={"NOTIFY_SOCKET": name}, ready=False)
        assert sock.recv(256) == b"READY=1\nSTATUS=serving"
        with Wire.connect(port) as wire:  # Ready means ready: nothing to wait for.
            wire.send(request())
            assert wire.read_response().status == 200
        proxy.wait_ready()
        proxy.signal(signal.SIGTERM)
        assert sock.recv(256) == b"STOPPING=1\nSTATUS=draining"
        assert proxy.wait(20) == 0
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(256)


def test_not_ready_when_an_address_is_taken(start, be, tmp_path):
    name = str(tmp_path / "notify")
    with manager(name) as sock, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = start([listener(port)], [cluster("be", be.port)], env={"NOTIFY_SOCKET": name}, ready=False)
        assert proxy.wait(20) == 1
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(256)


def test_a_manager_that_is_gone_is_told_of_and_no_more(start, be, tmp_path):
    name = str(tmp_path / "nobody")
    proxy = start([listener(free_port())], [cluster("be", be.port)], env={"NOTIFY_SOCKET": name})
    wait_until(lambda: "can't tell the service manager: No such file" in proxy.stderr(), 10, "the warning")
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(20) == 0

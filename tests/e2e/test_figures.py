"""Start-up time and idle memory of a release build."""
import os
import statistics
import subprocess
import time

import pytest
from harness import Proxy, Wire, bootstrap, cluster, dispatch, free_port, listener, request, wait_until

READY_MS = 50
IDLE_KIB = 12 * 1024

pytestmark = pytest.mark.release


def test_start_to_ready(holdfast, figures, tmp_path):
    """Median of seven starts; each connects until /ready says LIVE."""
    times = []
    for turn in range(7):
        admin = free_port()
        config = bootstrap([listener(free_port(), None, [dispatch("be", 3)])], [cluster("be", free_port())], admin)
        proxy = Proxy("holdfast", holdfast, config, tmp_path / str(turn), admin)
        begun = time.monotonic()
        proxy.spawn()
        while True:
            try:
                with Wire.connect(admin, timeout=1) as wire:
                    wire.send(request(target="/ready"))
                    if wire.read_response().status == 200:
                        break
            except OSError:
                assert time.monotonic() - begun < 10
        times.append((time.monotonic() - begun) * 1000)
        proxy.stop()
    assert statistics.median(times) < READY_MS, times


def test_idle_memory(start, be, side, figures):
    port = free_port()
    proxy = start([listener(port, None, [dispatch("side", 3)])], [cluster("be", be.port), cluster("side", side.port)],
                  concurrency=2)
    assert proxy.rss_kib() < IDLE_KIB
    for _ in range(10):
        with Wire.connect(port) as wire:
            wire.send(request())
            wire.read_response()
    assert proxy.rss_kib() < IDLE_KIB


def test_idle_daemon_sleeps(start, figures):
    """No busy loop, no timer that fires without need: CPU time over two idle seconds."""
    proxy = start([listener(free_port())], [cluster("be", free_port())])

    def ticks():
        with open(f"/proc/{proxy.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    deadline = time.monotonic() + 2
    wait_until(lambda: time.monotonic() > deadline)
    assert (ticks() - before) / os.sysconf("SC_CLK_TCK") < 0.05


def test_binary_runs_without_a_terminal_or_home(holdfast):
    done = subprocess.run([holdfast, "--version"], env={}, cwd="/", capture_output=True, timeout=10, check=True)
    assert done.stdout

"""Load through the filter while endpoints are killed and come back: every client gets a whole answer, nothing leaks."""
import asyncio
import os
import random
import re
import subprocess
import sys

import load
import pytest
from endpoint import BODY
from harness import cluster, dispatch, free_port, listener, request, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
KILL_EVERY = 0.2
MAIN, SIDE = 2, 3
CALLS = 10
GROWTH_KIB = 12 * 1024


class Endpoints:
    """Endpoint processes on fixed ports; kill one, bring it back the next time."""

    def __init__(self, count):
        self.ports = [free_port() for _ in range(count)]
        self.processes = [self.spawn(port) for port in self.ports]
        for process in self.processes:
            assert process.stdout.readline() == b"ready\n"
        self.down = None
        self.kills = 0

    @staticmethod
    def spawn(port):
        return subprocess.Popen([sys.executable, os.path.join(HERE, "endpoint.py"), str(port)], stdout=subprocess.PIPE)

    async def chaos(self, _report):
        """Every 200 ms: the dead one starts again, another one is killed."""
        choice = random.Random(7)
        while True:
            await asyncio.sleep(KILL_EVERY)
            back, self.down = self.down, choice.randrange(len(self.ports))
            if back == self.down:
                self.down = (self.down + 1) % len(self.ports)
            self.end(self.down)
            self.kills += 1
            if back is not None:
                self.processes[back] = self.spawn(self.ports[back])

    def end(self, index):
        process = self.processes[index]
        process.kill()
        process.wait(10)
        process.stdout.close()

    def stop(self):
        for index, process in enumerate(self.processes):
            if process.poll() is None:
                self.end(index)


@pytest.fixture
def endpoints():
    every = Endpoints(MAIN + SIDE)
    yield every
    every.stop()


def check(status, fields, body):
    """One answer: whole, held for all ten, and only with a status that has a reason here."""
    if fields.get("total-dispatched") != str(CALLS):
        return f"{status} without total-dispatched: {fields}"
    if status == 200:
        return None if body == BODY else f"wrong body of {len(body)} bytes"
    if status in (502, 503) and b"reset reason" in body or b"no healthy upstream" in body:
        return None
    return f"status {status}: {body[:200]!r}"


@pytest.mark.parametrize("workers, requests", [
    pytest.param(1, 10_000, id="1-worker"),
    pytest.param(4, 10_000, id="4-workers", marks=pytest.mark.heavy),
])
def test_endpoints_die_under_load(start, endpoints, sanitized, workers, requests):
    port = free_port()
    limits = {"thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]}
    proxy = start(
        [listener(port, None, [dispatch("side", CALLS)])],
        [
            cluster("be", *endpoints.ports[:MAIN], circuit_breakers=limits),
            cluster("side", *endpoints.ports[MAIN:], circuit_breakers=limits),
        ],
        concurrency=workers,
    )
    early = []

    def progress(report):
        if report.done == requests // 4:
            early.append(proxy.rss_kib())

    report = asyncio.run(
        asyncio.wait_for(load.run(port, request(), 200, requests, check, endpoints.chaos, progress), 900)
    )
    assert report.wrong == []
    assert report.done == requests
    assert report.statuses[200] > requests // 4, report.statuses
    assert endpoints.kills > 3
    everything_is_back_to_zero(proxy)
    if not sanitized:
        assert proxy.rss_kib() - early[0] < GROWTH_KIB, "memory is flat"


def everything_is_back_to_zero(proxy):
    gauges = re.compile(r"(dispatch\.(calls|holds)_active|_rq_active|rq_pending_active|downstream_cx_active)$")

    def busy():
        return {name: value for name, value in proxy.stats().items() if gauges.search(name) and value}

    wait_until(lambda: not busy(), 30, "gauges at zero")
    stats = {name.rsplit(".", 1)[1]: value for name, value in proxy.stats("^cluster.side.dispatch").items()}
    ended = sum(stats["calls_" + name] for name in ("ok", "failed", "timeout", "overflow", "cancelled"))
    assert stats["calls_total"] == ended, stats


def test_load_without_chaos(start, endpoints):
    """The same, with nobody dying: nothing but 200."""
    port = free_port()
    proxy = start([listener(port, None, [dispatch("side", CALLS)])],
                  [cluster("be", *endpoints.ports[:MAIN]), cluster("side", *endpoints.ports[MAIN:], circuit_breakers={
                      "thresholds": [{"max_connections": 4096, "max_pending_requests": 4096, "max_requests": 4096}]})])
    report = asyncio.run(asyncio.wait_for(load.run(port, request(), 50, 2000, check), 120))
    assert report.wrong == [] and report.statuses == {200: 2000}
    everything_is_back_to_zero(proxy)
    assert proxy.stat("cluster.side.dispatch.calls_ok") == 2000 * CALLS

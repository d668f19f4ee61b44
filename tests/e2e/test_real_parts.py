"""config/httpbin.yaml against a real httpbin on two addresses, found by a real DNS server; then DNS goes wrong."""
import itertools
import os
import re
import threading
import time

import pytest
from harness import TYPE, Wire, free_port, request, wait_until
from real_parts import ROOT, Dnsmasq, Httpbin, python_with_httpbin

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
ENDPOINT = "httpbin.org"
MARKS = itertools.count(1)


@pytest.fixture(scope="module")
def httpbins(tmp_path_factory):
    python = python_with_httpbin()
    if python is None:
        pytest.skip("httpbin and gunicorn are neither installed nor installable (no network or no python3-venv)")
    directory = tmp_path_factory.mktemp("httpbin")
    port = free_port()
    every = [Httpbin(python, address, port, directory) for address in (FIRST, SECOND)]
    yield every
    for one in every:
        one.stop()


@pytest.fixture
def dns(tmp_path):
    if not Dnsmasq.binary():
        pytest.skip("dnsmasq is not installed (Debian: dnsmasq-base)")
    server = Dnsmasq(tmp_path)
    yield server
    server.close()


def patched(port, admin, endpoint_port, dns_port, extra=""):
    """The shipped file with other ports, and asking our DNS server often."""
    with open(os.path.join(ROOT, "config", "httpbin.yaml"), encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"port_value: 18000\b", f"port_value: {port}", text)
    text, count = re.subn(r"^(admin:.*?port_value: )\d+", rf"\g<1>{admin}", text, count=1, flags=re.M | re.S)
    assert count == 1
    text = re.sub(rf"(address: {re.escape(ENDPOINT)},?\s+port_value: )80\b", rf"\g<1>{endpoint_port}", text)
    resolver = (
        '{name: cares, typed_config: {"@type": '
        f"{TYPE}envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, "
        f"resolvers: [{{socket_address: {{address: 127.0.0.1, port_value: {dns_port}}}}}]}}}}"
    )
    settings = (
        f"\\g<0>\n\\g<1>dns_refresh_rate: 0.2s"
        f"\n\\g<1>dns_failure_refresh_rate: {{base_interval: 0.2s, max_interval: 0.2s}}"
        f"\n\\g<1>typed_dns_resolver_config: {resolver}{extra}"
    )
    text = re.sub(r"^( +)(dns_refresh_rate|dns_failure_refresh_rate|respect_dns_ttl):.*\n", "", text, flags=re.M)
    text, count = re.subn(r"^( +)connect_timeout: .*$", settings, text, count=1, flags=re.M)
    assert count == 1 and str(port) in text and str(endpoint_port) in text
    return text


class Scene:
    def __init__(self, start, dns, httpbins, extra=""):
        self.port, self.admin = free_port(), free_port()
        self.dns, self.httpbins = dns, httpbins
        config = patched(self.port, self.admin, httpbins[0].port, dns.port, extra)
        self.proxy = start(config=config, admin_port=self.admin)

    def ask(self, target="/status/200", method="GET", timeout=20):
        with Wire.connect(self.port) as wire:
            wire.send(request(method, target, host="httpbin.org"))
            return wire.read_response(method, timeout)

    def mark(self):
        """A target that no scene of this run has used, to be found again in the logs, which all scenes share."""
        return f"/anything/{next(MARKS)}"

    def spread(self, count=6):
        """How many of `count` requests each httpbin has served; all must be 200 with three side calls."""
        target = self.mark()
        for _ in range(count):
            reply = self.ask(target)
            assert (reply.status, reply.get("total-dispatched")) == (200, "3"), reply
        wait_until(lambda: sum(one.served(target) for one in self.httpbins) == count, 30, "the access logs")
        return [one.served(target) for one in self.httpbins]

    def hosts(self):
        text = self.proxy.admin("/clusters")[1]
        return sorted(set(re.findall(r"^httpbin::([\d.]+):\d+::health_flags", text, re.M)))

    def wait_hosts(self, *hosts):
        wait_until(lambda: self.hosts() == sorted(hosts), 20, f"hosts {hosts}")


class Stream:
    """Requests without a pause in the background: none may be lost."""

    def __init__(self, scene):
        self.scene = scene
        self.stopping = threading.Event()
        self.bad, self.good = [], 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping.is_set():
            try:
                reply = self.scene.ask()
                if (reply.status, reply.get("total-dispatched")) == (200, "3"):
                    self.good += 1
                else:
                    self.bad.append(reply)
            except (OSError, AssertionError) as error:
                self.bad.append(error)

    def __enter__(self):
        self.thread.start()
        return self

    def more(self, count=10):
        """Wait until so many further requests have gone well."""
        wanted = self.good + count
        wait_until(lambda: self.good >= wanted or self.bad, 60, "requests go on")
        assert self.bad == []

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(60)
        assert self.bad == []


@pytest.fixture
def scene(start, dns, httpbins):
    dns.start(FIRST, SECOND)
    made = Scene(start, dns, httpbins)
    made.wait_hosts(FIRST, SECOND)
    return made


def test_head_as_in_the_readme(scene):
    reply = scene.ask("/", "HEAD")
    assert (reply.status, reply.get("total-dispatched"), reply.body) == (200, "3", b"")
    assert int(reply.get("content-length")) > 0


def test_round_robin_to_both(scene):
    """Requests and their side calls take turns over both: 20 + 60 make 40 for each."""
    calls = [one.served("/") for one in scene.httpbins]
    spread = scene.spread(20)
    wait_until(lambda: sum(one.served("/") for one in scene.httpbins) - sum(calls) == 60, 10, "the side calls")
    totals = [spread[i] + one.served("/") - calls[i] for i, one in enumerate(scene.httpbins)]
    assert totals == [40, 40]


def test_bodies_through_a_real_server(scene):
    assert scene.ask("/bytes/100000?seed=1").body == scene.ask("/bytes/100000?seed=1").body
    assert len(scene.ask("/stream-bytes/50000?chunk_size=1000").body) == 50000
    assert b'"x": "y"' in scene.ask("/response-headers?x=y").body
    assert scene.ask("/status/418").status == 418
    assert scene.ask("/redirect/1").status == 302


def test_record_removed_and_added(scene):
    with Stream(scene) as stream:
        stream.more()
        scene.dns.change(FIRST)
        scene.wait_hosts(FIRST)
        stream.more()
        scene.dns.change(FIRST, SECOND)
        scene.wait_hosts(FIRST, SECOND)
        stream.more()
        scene.dns.change(SECOND)
        scene.wait_hosts(SECOND)
        stream.more()
    assert scene.spread()[0] == 0


def test_request_in_flight_on_a_host_that_leaves(scene):
    scene.dns.change(FIRST)
    scene.wait_hosts(FIRST)
    with Wire.connect(scene.port) as wire:
        wire.send(request(target="/delay/2", host="httpbin.org"))
        wait_until(lambda: scene.proxy.stat("cluster.httpbin.upstream_rq_active") >= 1, 10)
        scene.dns.change(SECOND)
        scene.wait_hosts(SECOND)
        assert wire.read_response(timeout=20).status == 200


@pytest.mark.parametrize("trouble", ["SERVFAIL", "server dead"])
def test_last_good_answer_is_kept(scene, trouble):
    with Stream(scene) as stream:
        stream.more()
        if trouble == "SERVFAIL":
            scene.dns.change()
            scene.dns.beyond.wait_queries(3)
        else:
            scene.dns.stop()
            failed = scene.proxy.stat("cluster.httpbin.update_failure")
            wait_until(lambda: scene.proxy.stat("cluster.httpbin.update_failure") > failed, 40, "a failed lookup")
        stream.more(20)
        assert scene.hosts() == [FIRST, SECOND]
        if trouble == "SERVFAIL":
            scene.dns.change(SECOND)
        else:
            scene.dns.start(SECOND)
        scene.wait_hosts(SECOND)
        stream.more()


def test_never_resolved_then_heals(start, dns, httpbins):
    dns.start()
    scene = Scene(start, dns, httpbins)
    reply = scene.ask()
    assert (reply.status, reply.body, reply.get("total-dispatched")) == (503, b"no healthy upstream", "3")
    dns.change(FIRST)
    scene.wait_hosts(FIRST)
    assert scene.spread()[0] == 6


def test_ttl_is_respected(start, dns, httpbins):
    """With respect_dns_ttl a TTL of 1 s asks each second, and one of 1000 s doesn't ask again."""
    dns.start(FIRST, SECOND, ttl=1)
    scene = Scene(start, dns, httpbins, "\n\\g<1>respect_dns_ttl: true")
    scene.wait_hosts(FIRST, SECOND)
    begun, seen = time.monotonic(), dns.queries_seen()
    wait_until(lambda: dns.queries_seen() >= seen + 3, 15, "three more queries")
    assert time.monotonic() - begun > 1.2, "not more often than the TTL says"
    dns.stop()
    dns.start(FIRST, ttl=1000)
    scene.wait_hosts(FIRST)
    seen, deadline = dns.queries_seen(), time.monotonic() + 3
    wait_until(lambda: time.monotonic() > deadline)
    assert dns.queries_seen() == seen


def test_a_host_that_is_down_is_no_loss_for_long(scene):
    """One httpbin dies while DNS still names it: its requests get a clean 503, the other's go on; back, all is well."""
    scene.httpbins[1].stop()
    try:
        statuses = {scene.ask().status for _ in range(20)}
        assert statuses <= {200, 503} and 200 in statuses
    finally:
        scene.httpbins[1].start()
    wait_until(lambda: all(scene.ask().status == 200 for _ in range(10)), 30, "all well")

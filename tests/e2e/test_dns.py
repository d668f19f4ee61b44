"""Clusters found by DNS: a fake server that can be told to fail in every way."""
import re

import pytest
from dns_server import NOERROR, SERVFAIL, DnsServer, dns_cluster
from harness import ScriptedUpstream, Wire, cluster, free_port, listener, request, wait_until

NAME = "be.test"


@pytest.fixture
def dns():
    with DnsServer({NAME: ["127.0.0.2"]}) as server:
        yield server


@pytest.fixture
def pair():
    """Two upstreams on one port of two addresses, so that DNS alone decides."""
    with ScriptedUpstream(host="127.0.0.2") as first, ScriptedUpstream(host="127.0.0.3", port=first.port) as second:
        yield first, second


class Scene:
    def __init__(self, start, dns, pair, kind="STRICT_DNS", **extra):
        self.port = free_port()
        self.proxy = start([listener(self.port)], [dns_cluster("be", NAME, pair[0].port, dns.port, kind, **extra)])

    def status(self):
        with Wire.connect(self.port) as wire:
            wire.send(request())
            return wire.read_response().status

    def hosts(self):
        return sorted(set(re.findall(r"^be::([\d.]+):\d+::health_flags", self.proxy.admin("/clusters")[1], re.M)))

    def wait_hosts(self, *hosts):
        wait_until(lambda: self.hosts() == sorted(hosts), 20, f"hosts {hosts}")


def test_start_waits_for_the_first_answer(start, dns, pair):
    """As Envoy: /ready says LIVE only when the clusters have had their first answer, so the first request is served."""
    assert Scene(start, dns, pair).status() == 200


def test_both_addresses_take_turns(start, dns, pair):
    dns.records[NAME] = ["127.0.0.2", "127.0.0.3"]
    scene = Scene(start, dns, pair)
    scene.wait_hosts("127.0.0.2", "127.0.0.3")
    assert {scene.status() for _ in range(10)} == {200}
    assert [len(upstream.requests) for upstream in pair] == [5, 5]


def test_change_of_address(start, dns, pair):
    scene = Scene(start, dns, pair)
    assert scene.status() == 200
    dns.records[NAME] = ["127.0.0.3"]
    scene.wait_hosts("127.0.0.3")
    assert scene.status() == 200
    assert [len(upstream.requests) for upstream in pair] == [1, 1]
    wait_until(lambda: scene.proxy.stat("cluster.be.upstream_cx_active") == 1, 10, "the old connection is closed")


@pytest.mark.parametrize("trouble", ["SERVFAIL", "silence"])
def test_trouble_keeps_the_last_good_answer(start, dns, pair, trouble):
    scene = Scene(start, dns, pair)
    dns.rcode = SERVFAIL if trouble == "SERVFAIL" else NOERROR
    dns.silent = trouble == "silence"
    dns.wait_queries(2)
    assert scene.status() == 200
    assert scene.hosts() == ["127.0.0.2"]
    dns.rcode, dns.silent = NOERROR, False
    dns.records[NAME] = ["127.0.0.3"]
    scene.wait_hosts("127.0.0.3")
    assert scene.status() == 200


@pytest.mark.parametrize("answer", ["NXDOMAIN", "no address"])
def test_empty_answer_empties_the_cluster(start, dns, pair, answer):
    """As Envoy: that there is no such name or no address is an answer, too; it heals with the next."""
    scene = Scene(start, dns, pair)
    assert scene.status() == 200
    if answer == "NXDOMAIN":
        del dns.records[NAME]
    else:
        dns.records[NAME] = []
    scene.wait_hosts()
    assert scene.status() == 503
    dns.records[NAME] = ["127.0.0.3"]
    scene.wait_hosts("127.0.0.3")
    assert scene.status() == 200


def test_no_answer_at_the_start_then_heals(start, dns, pair):
    dns.rcode = SERVFAIL
    scene = Scene(start, dns, pair)
    assert scene.status() == 503
    dns.rcode = NOERROR
    scene.wait_hosts("127.0.0.2")
    assert scene.status() == 200


def test_logical_dns_uses_one_address(start, dns, pair):
    dns.records[NAME] = ["127.0.0.2", "127.0.0.3"]
    scene = Scene(start, dns, pair, "LOGICAL_DNS")
    assert {scene.status() for _ in range(6)} == {200}
    assert sorted(len(upstream.requests) for upstream in pair) == [0, 6]


def test_ttl(start, dns, pair):
    dns.ttl = 1000
    scene = Scene(start, dns, pair, respect_dns_ttl=True)
    asked = len(dns.queries)
    with pytest.raises(AssertionError):
        dns.wait_queries(1, timeout=1.5)
    assert len(dns.queries) == asked
    assert scene.status() == 200


def test_weights(start):
    with ScriptedUpstream() as heavy, ScriptedUpstream() as light:
        port = free_port()
        be = cluster("be", heavy.port, light.port)
        endpoints = be["load_assignment"]["endpoints"][0]["lb_endpoints"]
        endpoints[0]["load_balancing_weight"] = 3
        start([listener(port)], [be])
        for _ in range(40):
            with Wire.connect(port) as wire:
                wire.send(request())
                assert wire.read_response().status == 200
        assert (len(heavy.requests), len(light.requests)) == (30, 10)

"""The admin server: methods, bodies, and what the figures say about traffic."""
import json
import re

import pytest
from harness import Closed, Wire, cluster, direct, free_port, listener, never, request, wait_until


@pytest.fixture
def scene(start, be):
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    return proxy, port


def ask(port, **options):
    with Wire.connect(port) as wire:
        wire.send(request(**options))
        return wire.read_response(options.get("method", "GET"))


def test_ready_and_livez(scene):
    proxy, _ = scene
    assert proxy.admin("/ready") == (200, "LIVE\n")
    assert proxy.admin("/livez")[0] == 200


def test_headers_are_envoys(scene):
    proxy, _ = scene
    with Wire.connect(proxy.admin_port) as wire:
        wire.send(request(target="/ready"))
        reply = wire.read_response()
    assert reply.get("cache-control") == "no-cache, max-age=0"
    assert reply.get("x-content-type-options") == "nosniff"
    assert reply.get("content-type") == "text/plain; charset=UTF-8"
    assert reply.get("server") == "envoy" or reply.get("server") == "holdfast"


def test_healthcheck(scene):
    proxy, port = scene
    assert proxy.admin("/healthcheck/fail", "POST") == (200, "OK\n")
    assert proxy.admin("/ready") == (503, "DRAINING\n")
    assert proxy.admin("/livez")[0] == 200
    assert ask(port).get("connection") == "close"
    assert proxy.admin("/healthcheck/ok", "POST") == (200, "OK\n")
    assert proxy.admin("/ready") == (200, "LIVE\n")
    assert ask(port).get("connection") is None


@pytest.mark.parametrize("path", ["/healthcheck/fail", "/drain_listeners", "/quitquitquit", "/reset_counters"])
def test_post_is_required(scene, path):
    proxy, _ = scene
    assert proxy.admin(path) == (405, "Method GET not allowed, POST required.")
    assert proxy.admin("/ready")[0] == 200


def test_unknown_path(scene):
    status, body = scene[0].admin("/nope")
    assert status == 404 and body.startswith("invalid path. admin commands are:")


def test_listeners_and_clusters(scene, be):
    proxy, port = scene
    ask(port)
    assert proxy.admin("/listeners")[1] == f"main::127.0.0.1:{port}\n"
    statuses = json.loads(proxy.admin("/listeners?format=json")[1])["listener_statuses"]
    assert statuses[0]["local_address"]["socket_address"]["port_value"] == port
    text = proxy.admin("/clusters")[1]
    host = f"be::127.0.0.1:{be.port}"
    for line in (f"{host}::cx_active::1", f"{host}::rq_total::1", f"{host}::health_flags::healthy",
                 "be::default_priority::max_connections::1024"):
        assert line + "\n" in text, line
    assert json.loads(proxy.admin("/clusters?format=json")[1])["cluster_statuses"][0]["name"] == "be"


def test_stats_count(scene):
    proxy, port = scene
    for _ in range(3):
        ask(port)
    assert ask(port, method="OPTIONS", target="*").status == 404
    expected = {
        "cluster.be.upstream_rq_total": 3,
        "cluster.be.upstream_rq_200": 3,
        "cluster.be.upstream_rq_2xx": 3,
        "cluster.be.upstream_cx_total": 1,
        "cluster.be.upstream_cx_active": 1,
        "cluster.be.membership_total": 1,
        "http.ingress_http.downstream_rq_total": 4,
        "http.ingress_http.downstream_rq_2xx": 3,
        "http.ingress_http.downstream_rq_4xx": 1,
        "http.ingress_http.downstream_cx_total": 4,
    }
    wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == 0, 10)
    assert {name: proxy.stat(name) for name in expected} == expected
    assert proxy.admin("/reset_counters", "POST")[0] == 200
    assert proxy.stat("cluster.be.upstream_rq_total") == 0
    assert proxy.stat("cluster.be.upstream_cx_active") == 1, "gauges stay"


def test_stats_formats(scene):
    proxy, port = scene
    ask(port)
    rows = [line.split(": ", 1)[0] for line in proxy.admin("/stats?type=Counters")[1].splitlines()]
    assert rows == sorted(rows) and rows
    names = [stat.get("name") for stat in json.loads(proxy.admin("/stats?format=json&filter=^cluster")[1])["stats"]]
    assert "cluster.be.upstream_rq_total" in names
    assert proxy.admin("/stats?filter=(")[0] == 400
    assert proxy.admin("/stats?usedonly&filter=upstream_rq_total")[1] == "cluster.be.upstream_rq_total: 1\n"


@pytest.mark.parametrize("path", ["/stats/prometheus", "/metrics"])
def test_prometheus(scene, path):
    proxy, port = scene
    ask(port)
    status, text = proxy.admin(path)
    assert status == 200
    sample = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? \S+\Z')
    for line in text.splitlines():
        assert not line or line.startswith("#") or sample.match(line), line
    if path == "/stats/prometheus":
        assert 'envoy_cluster_upstream_rq_total{envoy_cluster_name="be"} 1\n' in text


def test_config_dump_and_server_info(scene):
    proxy, _ = scene
    assert json.loads(proxy.admin("/config_dump")[1])["configs"]
    info = json.loads(proxy.admin("/server_info")[1])
    assert info["state"] == "LIVE"
    assert "holdfast" in info["version"]


def test_logging(scene):
    proxy, _ = scene
    status, text = proxy.admin("/logging?level=debug", "POST")
    assert status == 200 and text.startswith("active loggers:\n") and "debug" in text
    assert proxy.admin("/logging?level=shout", "POST")[0] == 400
    assert proxy.admin("/logging?level=info", "POST")[0] == 200


def test_drain_listeners(scene):
    proxy, port = scene
    assert proxy.admin("/drain_listeners", "POST") == (200, "OK\n")

    def closed():
        try:
            Wire.connect(port, timeout=2).close()
            return False
        except OSError:
            return True

    wait_until(closed, 10, "listener closed")
    assert proxy.admin("/listeners")[0] == 200


def test_quitquitquit(scene):
    proxy, _ = scene
    assert proxy.admin("/quitquitquit", "POST") == (200, "OK\n")
    assert proxy.wait(10) == 0


def test_admin_survives_bad_clients(scene):
    proxy, _ = scene
    for data in (b"garbage\r\n\r\n", b"GET /ready HTTP/1.1\r\nHost: " + b"x" * 100000, b"\0" * 1000,
                 b"POST /ready HTTP/1.1\r\nHost: a\r\ncontent-length: 99999999\r\n\r\nabc"):
        with Wire.connect(proxy.admin_port) as wire:
            wire.try_send(data)
            try:
                wire.read_response(timeout=1)
            except (Closed, AssertionError):
                pass  # Any answer or none: it must only go on serving.
    assert proxy.admin("/ready") == (200, "LIVE\n")


def test_admin_works_while_workers_are_busy(scene, be):
    proxy, port = scene
    be.settle(never)
    wires = [Wire.connect(port) for _ in range(50)]
    for wire in wires:
        wire.send(request())
    be.wait_requests(50)
    assert proxy.stat("cluster.be.upstream_rq_active") == 50
    assert proxy.stat("http.ingress_http.downstream_cx_active") == 50
    for wire in wires:
        wire.close()
    wait_until(lambda: proxy.stat("cluster.be.upstream_rq_active") == 0, 10, "all cancelled")


def test_no_admin_server_unless_asked(start):
    port = free_port()
    config = json.dumps({"static_resources": {"listeners": [listener(port, [direct(200)])]}})
    proxy = start(config=config, ready=False)

    def answers():
        try:
            return ask(port).status == 200
        except (OSError, AssertionError):
            return False

    wait_until(answers, 20, "an answer")
    with pytest.raises(OSError):
        proxy.admin("/ready")

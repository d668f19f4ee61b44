"""The daemon's configuration and its surroundings in the soak test."""
import contextlib
import itertools
import json
import socket
import subprocess
import threading
import time

from dns_server import NOERROR, NXDOMAIN, SERVFAIL, DnsServer, dns_cluster
from harness import TYPE, bootstrap, cluster, direct, dispatch, free_port, listener, route

MOST_CALLS = 20
LINE = "%REQ(X-ID)% %RESPONSE_CODE% %BYTES_SENT% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"
LIMITS = {"thresholds": [{name: 1_000_000 for name in
                          ("max_connections", "max_pending_requests", "max_requests", "max_retries")}]}
# Idle connections to upstreams close soon, so that what is left after a round is left for good.
PROTOCOL = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
CLUSTER = {
    "circuit_breakers": LIMITS,
    "typed_extension_protocol_options": {PROTOCOL: {
        "@type": TYPE + PROTOCOL,
        "common_http_protocol_options": {"idle_timeout": "1s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }},
}
NAME = "up.soak.test"


def consecutive_ports(count):
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        with contextlib.suppress(OSError), contextlib.ExitStack() as taken:
            for port in range(first, first + count):
                taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


class Ports:
    def __init__(self):
        self.main, self.held_for_ever, self.admin = free_port(), free_port(), free_port()
        self.held = consecutive_ports(MOST_CALLS + 1)
        self.stable, self.silent = free_port(), free_port()
        self.churn = [free_port() for _ in range(4)]

    def upstream_arguments(self):
        return [f"stable:{self.stable}", f"silent:{self.silent}", *(f"churn:{port}" for port in self.churn)]


def plugin_filter(path, cluster_name, count):
    """The fan-out by a plugin: all of them share a VM. Its callbacks may take long, as the machine has no CPU to spare."""
    settings = {"dispatchCluster": cluster_name, "dispatchCount": count, "authority": "side"}
    return {"name": "envoy.filters.http.wasm", "typed_config": {
        "@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "limits": {"callback_timeout": "5s"}, "config": {
            "name": f"fan{count}", "root_id": f"fan{count}",
            "configuration": {"@type": TYPE + "google.protobuf.StringValue", "value": json.dumps(settings)},
            "vm_config": {"vm_id": "fan", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(path)}}}}}}


def config(ports, dns_port, log, plugin=None):
    """Listeners: the main one, one for each N, and one whose side requests are never answered. `plugin`: a file; it makes
    the side requests in place of the filter (where there are any: plugins refuse a count of 0)."""
    access_log = [{"name": "envoy.access_loggers.file", "typed_config": {
        "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(log),
        "log_format": {"text_format_source": {"inline_string": LINE}}}}]

    def http(number, port, routes, filters=()):
        return listener(port, routes, filters, name=f"soak{number}", hcm={
            "stat_prefix": f"soak{number}", "access_log": access_log, "request_headers_timeout": "3s"})

    routes = [
        route("stable", "/never", timeout="1s"),
        *(route("stable", prefix) for prefix in ("/ok", "/big", "/chunked", "/until-close", "/slow", "/half", "/reset",
                                                 "/quit", "/garbage", "/surplus")),
        route("churn", "/churn"), route("dns", "/dns"), direct(200, "direct\n", "/direct"),
    ]

    def fan(cluster_name, count, **extra):
        return plugin_filter(plugin, cluster_name, count) if plugin and count else dispatch(cluster_name, count, **extra)

    listeners = [http(100, ports.main, routes),
                 http(101, ports.held_for_ever, [route("stable")], [fan("silent", 3, max_hold="30s")])]
    for calls in range(MOST_CALLS + 1):
        filters = [fan("side", calls, path="/ok", max_hold="10s")]
        listeners.append(http(calls, ports.held + calls, [route("stable")], filters))
    clusters = [
        cluster("stable", ports.stable, **CLUSTER), cluster("silent", ports.silent, **CLUSTER),
        cluster("churn", *ports.churn[:2], **CLUSTER), cluster("side", ports.stable, *ports.churn[2:], **CLUSTER),
        dns_cluster("dns", NAME, ports.stable, dns_port, **CLUSTER),
    ]
    return bootstrap(listeners, clusters, ports.admin)


class Background:
    """Runs `turn` again and again in a thread until it is left; an error of it is raised then."""

    def __init__(self, turn, pause):
        self.turn, self.pause = turn, pause
        self.stopping = threading.Event()
        self.error = None
        self.turns = 0
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        if self.error is not None:
            raise self.error

    def _run(self):
        try:
            while not self.stopping.wait(self.pause):
                self.turn()
                self.turns += 1
        except Exception as error:  # Raised again by whoever leaves.
            self.error = error


def config_checks(binary, good, directory):
    """`holdfast check` beside the running daemon: on its own file, and on one that is wrong."""
    bad = directory / "bad.yaml"
    bad.write_text(good.read_text(encoding="utf-8").replace('"count": ', '"cuont": ', 1), encoding="utf-8")
    files = itertools.cycle([(good, 0), (bad, 78)])

    def turn():
        path, wanted = next(files)
        done = subprocess.run([binary, "check", str(path)], capture_output=True, timeout=60, check=False)
        if done.returncode != wanted:
            raise AssertionError(f"holdfast check {path.name}: exit code {done.returncode}, not {wanted}")

    return Background(turn, 0.2)


def admin_reads(proxy):
    pages = itertools.cycle(["/stats", "/metrics", "/clusters", "/ready"])

    def turn():
        page = next(pages)
        status, _ = proxy.admin(page, timeout=60)
        if status != 200:
            raise AssertionError(f"admin page {page}: {status}")

    return Background(turn, 0.1)


def dns_changes(server):
    """Addresses come and go; now and then the name, or the server's health."""
    states = itertools.cycle([
        (NOERROR, ["127.0.0.1"]), (NOERROR, ["127.0.0.2", "127.0.0.3"]), (SERVFAIL, []), (NOERROR, ["127.0.0.3"]),
        (NOERROR, ["127.0.0.1", "127.0.0.2"]), (NXDOMAIN, []),
    ])

    def turn():
        server.rcode, server.records = (lambda state: (state[0], {NAME: state[1]}))(next(states))

    return Background(turn, 0.4)


def steady_dns():
    return DnsServer({NAME: ["127.0.0.1"]})


def settle_time():
    """What is not used for a second is freed, and goes back after another in which little is."""
    time.sleep(6)

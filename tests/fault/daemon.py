"""The scene of the fault tests: the daemon with its listeners, three upstreams, and what must hold after each exchange."""
import re

import peers
from harness import TYPE, Proxy, address, bootstrap, cluster, direct, dispatch, free_port, listener, route, wait_until
from gate import Gate
from plugin import check_clean

SETTLE = 30.0
REPEATABLE = ("GET", "HEAD")


def tcp_listener(port, to):
    config = {"@type": TYPE + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp",
              "cluster": to}
    return {"name": "tcp", "address": address(port), "filter_chains": [{"filters": [{"name": "tcp", "typed_config": config}]}]}


class Daemon:
    def __init__(self, binary, directory, workers=1, env=None):
        self.be = peers.ScriptedUpstream(peers.serve)
        self.side = peers.ScriptedUpstream(peers.serve)
        self.echo = peers.ScriptedUpstream(peers.echo)
        self.upstreams = {"be": self.be, "side": self.side, "echo": self.echo}
        self.gate = Gate(self.be.port)  # On the way to the main upstream.
        self.scripts = {name: upstream.script for name, upstream in self.upstreams.items()}
        self.port, self.held_port, self.grouped_port, self.tcp_port, admin = (free_port() for _ in range(5))
        self.asked = {}
        self.number = 10_000_000  # All of one length.
        limits = {"per_connection_buffer_limit_bytes": 65536}
        hcm = {"http_protocol_options": {"accept_http_10": True}, "delayed_close_timeout": "0.2s"}
        routes = [direct(200, "direct", "/direct"), route("be")]
        listeners = [
            listener(self.port, routes, hcm=hcm, listener_extra=limits),
            listener(self.held_port, routes, [dispatch("side", 3, path="/plain/side", max_hold="20s")], name="held", hcm=hcm,
                     listener_extra=limits),
            listener(self.grouped_port, routes, [dispatch("side", 3, path="/plain/side", max_hold="20s", max_pipelined=3)],
                     name="grouped", hcm=hcm, listener_extra=limits),
            tcp_listener(self.tcp_port, "echo"),
        ]
        track = {"thresholds": [{"track_remaining": True}]}
        ports = {"be": self.gate.port, "side": self.side.port, "echo": self.echo.port}
        clusters = [cluster(name, port, connect_timeout="1s", circuit_breakers=track, **limits)
                    for name, port in ports.items()]
        self.proxy = Proxy("holdfast", binary, bootstrap(listeners, clusters, admin), directory, admin,
                           concurrency=workers, env=env)
        self.proxy.start()
        self.at_rest = self.levels()

    def levels(self):
        """Gauges that are where they were when nothing goes on, and how many connections the upstreams see."""
        gauge = re.compile(r"_active$|\.remaining_(pending|rq|retries)$")
        levels = {name: value for name, value in self.proxy.stats().items() if gauge.search(name)}
        active = {name: levels.pop(f"cluster.{name}.upstream_cx_active") for name in self.upstreams}
        self.pooled = sum(active.values())
        levels["upstream_cx"] = {
            name: active[name] - peers.open_connections(upstream) for name, upstream in self.upstreams.items()
        }
        return levels

    def settled(self):
        """No request, call, hold or client is left, and each pooled connection is one that its upstream has, too."""
        changed = {}

        def at_rest():
            now = self.levels()
            changed.clear()
            changed.update({name: value for name, value in now.items() if value != self.at_rest.get(name)})
            return not changed

        try:
            wait_until(at_rest, SETTLE, "at rest")
        except AssertionError as error:
            raise AssertionError(f"does not come to rest: {changed}") from error

    def empty_pools(self):
        """The upstreams end all connections, and the proxy follows. More than once, where a client that has left was
        still in the kernel's queue."""

        def emptied():
            for name, upstream in self.upstreams.items():
                upstream.settle(self.scripts[name])
            self.settled()
            return self.pooled == 0

        wait_until(emptied, SETTLE, "pools empty")

    # What clients ask and upstreams see.
    def target(self, kind):
        self.number += 1
        return f"/{kind}/{self.number}"

    def ask(self, client, kind, method="GET", body=b"", headers=(), version="HTTP/1.1", pieces=None, **expected):
        """One request and its answer; False when the connection has ended."""
        target = self.target(kind)
        head = peers.request(method, target, headers, version=version)
        self.asked[target] = None
        if self.send(client, [head, *(pieces if pieces is not None else [body] if body else [])]):
            self.asked[target] = (method, body)
        return client.take(method, target, body, **expected)

    @staticmethod
    def send(client, pieces):
        try:
            for piece in pieces:
                client.send(piece, peers.PATIENCE)
        except (peers.Closed, ConnectionError):
            return False
        return True

    def upstream_saw_what_was_sent(self):
        """Whole requests only, as they were sent, and none twice but those that may be repeated."""
        seen = {}
        for message in self.be.requests:
            asked = self.asked.get(message.target)
            assert asked == (message.method, message.body), (asked, message)
            seen[message.target] = seen.get(message.target, 0) + 1
            most = 2 if message.method in REPEATABLE else 1
            assert seen[message.target] <= most, f"{message} came {seen[message.target]} times"
        for upstream in self.upstreams.values():
            assert not upstream.errors, upstream.errors
        self.asked.clear()

    def checkpoint(self):
        self.settled()
        self.upstream_saw_what_was_sent()
        self.empty_pools()

    def size_of(self, kind):
        """How many bytes the main upstream's answer to this has."""
        self.empty_pools()
        self.gate.set()
        with peers.connect(self.port) as client:
            self.ask(client, kind)
        return self.gate.latest.ways[1].passed

    def follow_up(self):
        """A client that has nothing to do with what went before is served."""
        with peers.connect(self.port) as client:
            assert self.ask(client, "plain") and client.last.status == 200, client.last

    def stop(self):
        """Drains and ends with nothing to report, least of all a leak."""
        code = self.proxy.stop()
        self.gate.stop()
        for upstream in self.upstreams.values():
            upstream.stop()
        check_clean(self.proxy)
        assert code == 0, self.proxy.stderr()

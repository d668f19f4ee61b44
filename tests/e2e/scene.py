"""The usual scene: one client-facing listener, an upstream `be`, a dispatch target `side`."""
from harness import Wire, cluster, free_port, listener, request, response, route, wait_until


def held_until_told(connection):
    while connection.next_request() is not None:
        if not connection.wait_told():
            return
        connection.send(response(body=b"side"))


class Setup:
    """A listener with these filters, clusters `be` and `side`."""

    def __init__(self, start, be, side, *filters, timeout="15s", side_cluster=None, routes=None, concurrency=1):
        self.port = free_port()
        routes = routes or [route("be", timeout=timeout)]
        self.proxy = start(
            [listener(self.port, routes, filters)],
            [cluster("be", be.port), side_cluster or cluster("side", side.port)],
            concurrency=concurrency,
        )

    def ask(self, method="GET", timeout=10, **options):
        with Wire.connect(self.port) as wire:
            wire.send(request(method, **options))
            return wire.read_response(method, timeout)

    def dispatch_stat(self, name, cluster_name="side"):
        return self.proxy.stat(f"cluster.{cluster_name}.dispatch.{name}")

    def settled(self, cluster_name="side"):
        """Gauges are back to zero: nothing held, no call out."""
        names = (f"cluster.{cluster_name}.dispatch.calls_active", f"cluster.{cluster_name}.dispatch.holds_active",
                 f"cluster.{cluster_name}.upstream_rq_active", "cluster.be.upstream_rq_active")
        wait_until(lambda: not any(self.proxy.stat(name) for name in names), 10, "gauges at zero")

"""Plugins as filters of TCP connections, before a tcp_proxy; the bytes are HTTP, so that client and upstream can read them."""
from dataclasses import dataclass

from harness import TYPE, bootstrap, cluster, request, response
from proxy import address
from runner import Fresh, HalfClose, Leave, Read, WaitEof

from .common import GET, after_logs
from .scene import Plugin, PluginStage, Scenario

GO_ON = "(i32.const 0)"
STOP = "(i32.const 1)"
DEFAULTS = {"new": GO_ON, "down": GO_ON, "up": GO_ON, "closed": "", "upstream_closed": "", "log": "", "tick": ""}
LOCATION = {"metadata": {"filter_metadata": {"location": {"region": "here"}}}}
PATHS = """plugin_name cluster_name route_name node metadata connection_id request request.path request.headers request.time
request.protocol request.duration request.size request.total_size response response.code response.flags response.headers
response.trailers response.size response.total_size connection connection.id connection.mtls connection.requested_server_name
connection.tls_version source source.address source.port destination destination.address destination.port upstream
upstream.address upstream.port upstream.local_address upstream.transport_failure_reason upstream.request_attempt_count
upstream.cx_pool_ready_duration xds xds.cluster_name xds.cluster_metadata xds.cluster_metadata.filter_metadata.location.region
xds.route_name xds.route_metadata xds.upstream_host_metadata xds.filter_chain_name xds.listener_direction
xds.virtual_host_name xds.node.id filter_state nope own""".split()
LIST = "\n".join('(call $show_property $"%s")' % path.replace(".", "\\00") for path in PATHS)
OTHER = request(target="/be/other").decode().replace("\r\n", "\\r\\n")
ANSWER = response(body=b"changed").decode().replace("\r\n", "\\r\\n")
WHOLE = [GET, Read(), HalfClose(), WaitEof()]
RESUME = """(call $tell $"effective" (call $set_effective (global.get $connection)))
  (call $tell $"continue" (call $continue (i32.const 2))) (drop (call $set_tick (i32.const 0)))"""
TICK = "(drop (call $set_tick (i32.const 100)))"


class NetworkStage(PluginStage):
    """One listener with a tcp_proxy to `be`, or to `dead`."""

    def config(self):
        own = self.scenario
        filters = [self.filter(number, plugin) for number, plugin in enumerate(own.plugins)]
        proxy = {"@type": TYPE + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp",
                 "cluster": own.to}
        chain = {"filters": [*filters, {"name": "tcp", "typed_config": proxy}]}
        listener = {"name": "main", "address": address(self.ports["main"]), "filter_chains": [chain]}
        clusters = [cluster("be", self.be.port, **LOCATION), cluster("dead", self.ports["dead"])]
        return bootstrap([listener], clusters, self.ports["admin"], **own.bootstrap)

    def filter(self, number, plugin):
        filter_ = super().filter(number, plugin)
        filter_["typed_config"]["@type"] = TYPE + "envoy.extensions.filters.network.wasm.v3.Wasm"
        return {"name": "envoy.filters.network.wasm", "typed_config": filter_["typed_config"]}


@dataclass
class Network(Scenario):
    to: str = "be"
    stage: type = NetworkStage


def case(name, send=None, plugins=1, extra=None, more=None, **parameters):
    fields = more or {}
    own = [Plugin("network", "", name=f"plug{i}", parameters={**DEFAULTS, **parameters}, extra=extra or {})
           for i in range(plugins)]
    return Network("connection: " + name, "plugin:main", send or WHOLE, plugins=own, **fields)


def trapped(name, send, extra=None, **parameters):
    """The VM is made anew: Envoy's is not, and its lines about a trap are its own."""
    return case(name, send, extra=extra, more={
        "better": "the next connection has a plugin again", "ignores": ("trace", "logs"), "errors": False,
        "holdfast": {"trace": [], "logs": []}}, **parameters)


def replace(buffer, text):
    """That text instead of what is there."""
    return (f'(if (local.get $size) (then (call $tell $"set" (call $set_buffer (i32.const {buffer}) (i32.const 0)'
            f' (i32.const 9999) $"{text}")))) {GO_ON}')


SCENARIOS = [
    case("from its begin to its end"),
    case("two of them", [*WHOLE, Fresh(), *WHOLE]),
    case("that the client leaves", [GET, Read(), Leave()]),
    case("without a byte", [HalfClose(), WaitEof()]),
    case("with two plugins", plugins=2),
    case("to nobody", [WaitEof()], more={"to": "dead"}),
    case("stopped at its begin until a tick", new=TICK + STOP, tick=RESUME),
    case("with bytes stopped until a tick", [GET, Read(), HalfClose(), WaitEof()],
         down=f"(if (local.get $end) (then (return {GO_ON}))) " + TICK + STOP, tick=RESUME),
    case("with bytes stopped until there are more", [GET[:10], after_logs(1, "from the client: 10"), GET[10:], Read(),
                                                     HalfClose(), WaitEof()],
         down="(i32.lt_u (i32.sub (local.get $size) (i32.const 1)) (i32.const 10))"),
    case("that goes on inside the callback", down=f'(call $tell $"continue" (call $continue (i32.const 2))) {STOP}'),
    case("continued where nothing waits", down='(call $tell $"0" (call $continue (i32.const 0)))'
         '(call $tell $"3" (call $continue (i32.const 3))) (call $tell $"2" (call $continue (i32.const 2)))' + GO_ON,
         more={"better": "it is nothing to do (Envoy passes the bytes on twice)", "ignores": ("upstream", "trace", "logs"),
               "holdfast": {"trace": []}}),
    case("whose upstream's end is stopped", up="(local.get $end)"),
    case("with other bytes for the upstream", down=replace(2, OTHER)),
    case("with other bytes for the client", up=replace(3, ANSWER)),
    case("with bytes before and after", up=f'(if (local.get $size) (then (call $tell $"middle" (call $set_buffer'
         ' (i32.const 3) (i32.const 1) (i32.const 1) $"x")) (call $tell $"down" (call $set_buffer'
         f' (i32.const 2) (i32.const 0) (i32.const 0) $"x")))) {GO_ON}'),
    case("closed at its begin", [WaitEof()], new=f"(drop (call $close (i32.const 2))) {STOP}"),
    case("closed at the client's bytes", [GET, WaitEof()], down=f"(drop (call $close (i32.const 2))) {STOP}"),
    case("closed at the client's bytes, and going on", [GET, WaitEof()], down=f"(drop (call $close (i32.const 2))) {GO_ON}"),
    case("closed at the upstream's bytes", [GET, WaitEof()], up=f"(drop (call $close (i32.const 3))) {GO_ON}"),
    case("closed as a request", down=f"(drop (call $close (i32.const 0))) {GO_ON}"),
    case("answered as a request", down=f'(call $tell $"reply" (call $local_response (i32.const 403) $"" $"body" $""'
         f' (i32.const -1))) {GO_ON}'),
    case("and properties", new='(drop (call $set_property $"own" $"value"))' + LIST + GO_ON, up=LIST + GO_ON, log=LIST,
         more={"traced": False}),
    trapped("whose plugin traps at its begin", [WaitEof()], new="unreachable"),
    trapped("whose plugin traps at the client's bytes", [GET, WaitEof()], down="unreachable"),
    trapped("whose plugin traps at the upstream's bytes", [GET, WaitEof()], up="unreachable"),
    trapped("whose plugin traps, and that goes on", WHOLE, extra={"fail_open": True}, down="unreachable"),
]

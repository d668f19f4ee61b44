"""Properties by all kinds of paths: what has parts and what has none, missing parts, metadata, empty parts."""
from harness import reply_always, request, response, route

from . import network
from .common import one

METADATA = {"metadata": {"filter_metadata": {"own": {"list": ["one", {"key": "value"}, 7]}, "null": {"none": None}}}}
ROUTES = [{"name": "route_a", **route("be"), **METADATA}]
CLUSTERS = {"metadata": {"filter_metadata": {"own": {"key": "value"}}}}
GET = request(target="/be/x?a=b", headers=[("user-agent", "ua"), ("referer", "http://r/")])
UPSTREAM = reply_always(response(headers=[("x-up", "1")], body=b"hello\n"))
BOTH = """metadata metadata.filter_metadata metadata.filter_metadata.x metadata.filter_metadata.x.y metadata.filter_metadata.x.y.z
metadata.typed_filter_metadata metadata.typed_filter_metadata.x metadata.nope metadata..x
xds xds.nope xds.cluster_name.x xds.route_name.x xds.virtual_host_name.x xds.filter_chain_name.x xds.listener_direction.x
xds.listener_metadata xds.listener_metadata.filter_metadata xds.listener_metadata.filter_metadata.x
xds.listener_metadata.typed_filter_metadata xds.virtual_host_metadata xds.virtual_host_metadata.filter_metadata
xds.virtual_host_metadata.filter_metadata.x xds.cluster_metadata xds.cluster_metadata.filter_metadata
xds.cluster_metadata.filter_metadata.x xds.cluster_metadata.filter_metadata.x.y xds.cluster_metadata.filter_metadata.own
xds.cluster_metadata.filter_metadata.own.key xds.cluster_metadata.filter_metadata.own.key.x xds.cluster_metadata.nope
xds.cluster_metadata.typed_filter_metadata xds.cluster_metadata.typed_filter_metadata.x xds.upstream_host_metadata
xds.upstream_host_metadata.filter_metadata xds.upstream_host_metadata.filter_metadata.x.y xds.upstream_host_metadata.nope
xds.upstream_host_locality_metadata xds.upstream_host_locality_metadata.nope xds.node.id xds.node.id.x xds.node.cluster
xds.node.metadata xds.node.metadata.x xds.node.locality xds.node.locality.zone xds.node.locality.zone.x xds.node.locality.nope
xds.node.client_features xds.node.client_features.0 xds.node.dynamic_parameters xds.node.nope node.id node.metadata.x
request request.nope request.path.x request.headers.x request.headers_bytes request.headers_bytes.x request.time.x
request.size.x request.total_size.x response response.nope response.code.x response.flags.x response.headers.x
response.headers_bytes response.trailers.x response.size.x response.total_size.x connection connection.nope connection.id.x
connection.mtls.x connection.requested_server_name.x connection.tls_version.x connection_id.x source source.nope
source.address.x source.port.x destination destination.nope destination.address.x destination.port.x upstream upstream.nope
upstream.address.x upstream.port.x upstream.local_address.x upstream.locality upstream.locality.zone upstream.locality.nope
upstream.transport_failure_reason.x upstream.request_attempt_count.x upstream.cx_pool_ready_duration.x filter_state
filter_state.x filter_state. filter_state.wasm:own filter_state.wasm:own.x upstream_filter_state
upstream_filter_state.x own own. own.x plugin_name. plugin_name.x request. request..path . .x path nope.x""".split()
HTTP = """xds.route_metadata.filter_metadata xds.route_metadata.filter_metadata.own xds.route_metadata.filter_metadata.own.list
xds.route_metadata.filter_metadata.own.list.0 xds.route_metadata.filter_metadata.own.list.+0
xds.route_metadata.filter_metadata.own.list.1.key xds.route_metadata.filter_metadata.own.list.3
xds.route_metadata.filter_metadata.own.list.-1 xds.route_metadata.filter_metadata.own.list.x
xds.route_metadata.filter_metadata.own.list.2.x xds.route_metadata.filter_metadata.null
xds.route_metadata.filter_metadata.null.none xds.route_metadata.filter_metadata.null.none.x
xds.route_metadata.typed_filter_metadata request.url_path.x request.host.x request.scheme.x request.method.x
request.headers.user-agent request.headers.User-Agent request.headers.user-agent.x request.headers..
request.referer.x request.useragent.x request.id.x request.protocol.x request.query.x request.duration.x
response.headers.x-up response.headers.X-UP response.headers.x-up.x response.code_details.x response.grpc_status.x
response.backend_latency.x""".split()


def show(paths):
    """A ':' stands for a dot inside of a part."""
    return "\n".join('(call $show_property $"%s")' % path.replace(".", "\\00").replace(":", ".") for path in paths)


SET = '(drop (call $set_property $"own" $"value"))'
NODE = {"node": {"id": "own node", "cluster": "own group"}}
SCENARIOS = [
    one("properties: their parts", "foreign", "", GET, UPSTREAM, routes=ROUTES, clusters=CLUSTERS, traced=False,
        bootstrap=NODE, parameters={"configure": "", "request": SET + show(BOTH + HTTP), "response": show(BOTH + HTTP), "tick": ""}),
    network.case("and the parts of properties", new=SET + show(BOTH) + network.GO_ON, log=show(BOTH), more={"traced": False, "bootstrap": NODE}),
]

"""Contexts from their creation to their deletion, logs, time, properties, foreign functions, the system."""
import re

from harness import reply_always, request, response, route
from runner import Leave, Read, WaitUpstream

from .common import GET, HELLO, POST, one, twice

PATHS = """plugin_name plugin_root_id plugin_vm_id cluster_name route_name route_metadata upstream_host_metadata
listener_direction listener_metadata node node.id node.cluster metadata connection_id request.path request.url_path request.host
request.scheme request.method request.headers request.headers.user-agent request.referer request.useragent request.time
request.id request.protocol request.query request.duration request.size request.total_size response.code
response.code_details response.flags response.grpc_status response.headers response.headers.x-up response.trailers
response.size response.total_size response.backend_latency connection.id connection.mtls connection.requested_server_name
connection.tls_version connection.termination_details connection.transport_failure_reason source.address source.port
destination.address destination.port upstream.address upstream.port upstream.local_address upstream.tls_version
upstream.transport_failure_reason upstream.request_attempt_count upstream.cx_pool_ready_duration xds.cluster_name
xds.cluster_metadata xds.route_name xds.route_metadata xds.upstream_host_metadata xds.filter_chain_name
xds.listener_direction xds.virtual_host_name xds.node.id filter_state wasm.nope nope""".split()
LIST = "\n".join('(call $show_property $"%s")' % path.replace(".", "\\00") for path in PATHS)
NAMED = [{"name": "route_a", **route("be"), "metadata": {"filter_metadata": {"own": {"key": "value"}}}}]
RICH = request("POST", "/be/x?a=b", [("user-agent", "ua"), ("referer", "http://r/"), ("content-length", "5")], b"hello")


def case(name, mode, send=GET, **extra):
    return one(name, "misc", mode, send, **extra)


def system(name, mode, **extra):
    return one("system: " + name, "system", mode, **extra)


def later(lines):
    """What is known of the upstream with the request's body: nothing yet. And with the response's: all."""
    prefix, result, phase, times = "info wasm log plug root vm: ", [], "", 0
    unknown = ("upstream.address", "upstream.port", "upstream.transport_failure_reason", "xds.upstream_host_metadata")
    for line in lines:
        text = line.removeprefix(prefix)
        if text.startswith("# "):
            times = times + 1 if text == phase else 1
            phase = text
        name = text.split(" ")[0]
        if phase == "# request body" and name in unknown:
            text = name + " -> status 1"
        elif phase == "# request body" and name == "upstream.request_attempt_count":
            text = name + " = [8] 0x0000000000000000"
        elif phase == "# response body" and times == 1 and name == "response.backend_latency":
            text = name + " = [8] <varies>"
        result.append(prefix + text)
    return result


def properties(name, mode, send=GET, **extra):
    return one("properties: " + name, "properties", mode, send, parameters={"list": LIST}, **extra)


def level(name):
    return {"args": ("--component-log-level", "wasm:" + name), "traced": False}


SCENARIOS = [
    case("log, done, delete", ""),
    case("log, done, delete of two requests", "", twice()),
    case("log, done, delete of a client that has left", "", [GET, WaitUpstream(1), Leave()], upstream=lambda c: (
        c.next_request(), c.wait_told(5))),
    case("done later", "done later", until=("delete of",)),
    case("done of a stream that is not waited for", "done early"),
    case("the end of the process", "", stops=True),
    case("close of a request", "close request", [GET, Read()]),
    case("close of a response", "close response", [GET, Read()]),
    case("close of a request when the response is there", "close request late", [GET, Read()]),
    case("close of something else", "close 9"),
    # Envoy sends the request twice, and is through before the second one has always been read.
    case("continue where nothing waits", "streams", undefined=("upstream",)),
    case("continue a response that is not there", "early", better="it is nothing to do (Envoy dies)",
         holdfast={"responses": [HELLO]}, ignores=("upstream", "logs", "trace", "died")),
    case("log levels at trace", "levels"),
    case("log levels at info", "levels", **level("info")),
    case("log levels at error", "levels", **level("error")),
    case("log levels at off", "levels", **level("off")),
    case("log texts", "texts"),
    case("foreign functions", "foreign"),
    case("effective contexts", "contexts"),
    case("status", "status"),
    case("gRPC", "grpc", better="gRPC is not implemented, and each of its functions says so", ignores=("trace",), holdfast={
        "logs": lambda logs: [re.sub(r"(grpc_\w+): \d+", r"\1: 12", line) for line in logs]}),
    case("time", "clock"),
    properties("all", "all", RICH, upstream=reply_always(response(headers=[("x-up", "1")], body=b"hello\n")), routes=NAMED,
               traced=False, holdfast={"logs": later}, better="an upstream is chosen when the first of the body has passed "
               "the filters, and a short response is whole before its body is shown"),
    properties("set and got", "set"),
    system("streams", "streams", better="what a plugin writes piece by piece is logged line by line", ignores=("logs",)),
    system("variables", "variables", plugin={"vm_extra": {"environment_variables": {"key_values": {"OWN": "value"}}}}),
    system("no variables", "variables"),
    system("files", "files"),
    system("clocks and the rest", "rest"),
    one("ABI 0.1.0", "legacy", "own configuration", POST, start=True),
    one("ABI 0.1.0 with two requests", "legacy", "", twice()),
]

"""Local replies of plugins: from each phase, with Continue or Pause, and what is refused."""
from harness import chunked, reply_always, request, route
from runner import Read

from .common import CHUNKED_POST, GET, HELLO, POST, one
from .headers import TRAILERS, TRAILING, WITH_TRAILERS

LOCAL = {"line": "HTTP/1.1 403 Forbidden", "complete": True, "trailers": [], "body": "local body\n", "headers": [
    ["x-local", "1"], ["content-type", "text/x"], ["x-local", "2"], ["content-length", "11"], ["date", "<date>"],
    ["server", "envoy"]]}


def case(name, mode, send=GET, upstream=None, **extra):
    return one("local reply: " + name, "replies", mode, send, upstream, **{"log": True, **extra})


EARLY = {"better": "the head has not gone down yet, so the reply takes its place (Envoy cuts the response)",
         "holdfast": {"responses": [LOCAL], "log": ["GET /be 403 - my_details"]}}



def without(response, name):
    return {**response, "headers": [field for field in response["headers"] if field[0] != name]}


def in_order(response, *names):
    return {**response, "headers": sorted(response["headers"], key=lambda field: names.index(field[0]))}


SCENARIOS = [
    case("in request headers", "request headers"),
    case("in request headers of a POST", "request headers", POST),
    case("in request headers of a HEAD", "request headers", request("HEAD", "/be"), method="HEAD"),
    case("with headers of the route, too", "request headers", routes=[
        {**route("be"), "response_headers_to_add": [{"header": {"key": "x-route", "value": "1"}}],
         "response_headers_to_remove": ["x-local"]}]),
    case("without a body, with headers of the route, too", "empty", routes=[
        {**route("be"), "response_headers_to_add": [{"header": {"key": "x-route", "value": "1"}}]}]),
    case("in request headers, and Continue", "request headers then continue"),
    case("in a request body", "request body", POST, better="the request has been read whole, so its connection is kept",
         holdfast={"responses": lambda seen: [without(seen[0], "connection")]}),
    case("in a chunked request body at its end", "request body at its end", CHUNKED_POST),
    case("in request trailers", "request trailers", TRAILERS, **WITH_TRAILERS),
    case("in response headers", "response headers"),
    case("in response headers, and Continue", "response headers then continue"),
    case("in response headers to HEAD", "response headers", request("HEAD", "/be"), method="HEAD"),
    case("in a held response body", "response body held", **EARLY),
    case("in a chunked held response body", "response body held", upstream=reply_always(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"abc")), **EARLY),
    case("in response trailers", "response trailers", upstream=reply_always(TRAILING), **WITH_TRAILERS, **EARLY),
    one("local reply: at the log", "replies", "log", GET,
        oracle_can_not="it calls the plugin again and again until its stack ends",
        better="the reply comes too late and is refused", holdfast={"responses": [HELLO]}),
    case("204 without anything", "empty"),
    case("twice", "twice", better="the first reply counts, its details, too", holdfast={"log": ["GET /be 403 - my_details"]}),
    case("and then continue_stream", "then resume"),
    case("then a second request", "request headers", [GET, Read(), GET, Read()], log=False),
    case("with fields of the framing", "framing headers", better="what delimits the message is the proxy's own, at its own place",
         ignores=("logs", "trace"), holdfast={"responses": lambda seen: [in_order(
             seen[0], "server", "upper", "content-length", "content-type", "date")]}),
    case("with status 999", "status 999"),
]

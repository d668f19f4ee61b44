"""Header maps: read, changed and refused, in each phase; pseudo headers and the route that follows from them."""
from harness import TYPE, chunked, reply_always, request, response, route
from runner import Read

from .common import CHUNKED_POST, GET, HELLO, POST, one

FIELDS = [("x-here", "1"), ("x-old", "old"), ("x-twice", "a"), ("X-Twice", "b"), ("x-gone", "g"), ("X-Mixed", "Case")]
RICH = request(target="/be/x?q=1", headers=FIELDS)
ANSWER = reply_always(response(headers=FIELDS, body=b"hello\n"))
TRAILING = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-here: t\r\nx-old: old\r\n\r\n"
TRAILERS = request("POST", "/be", [("transfer-encoding", "chunked")], b"5\r\nhello\r\n0\r\nx-here: t\r\nx-old: old\r\n\r\n")
PROTOCOL = {"http_protocol_options": {"enable_trailers": True}}
WITH_TRAILERS = {
    "hcm": PROTOCOL,
    "clusters": {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": TYPE + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": PROTOCOL}}},
}

PASSED = [{"line": "GET /be/x?q=1 HTTP/1.1", "body": "", "trailers": [], "headers": [
    ["host", "a.test"], *([name.lower(), value] for name, value in FIELDS), ["x-forwarded-proto", "http"],
    ["x-request-id", "<uuid4>"], ["x-envoy-expected-rq-timeout-ms", "15000"]]}]
ANSWERED = [{"line": "HTTP/1.1 200 OK", "body": "hello\n", "complete": True, "trailers": [], "headers": [
    *([name.lower(), value] for name, value in FIELDS), ["content-length", "6"], ["x-envoy-upstream-service-time", "<ms>"],
    ["date", "<date>"], ["server", "envoy"]]}]


def case(name, mode, send=RICH, upstream=ANSWER, **extra):
    return one("headers: " + name, "headers", mode, send, upstream, **extra)


SCENARIOS = [
    case("of a request", "request"),
    case("of a response", "response"),
    case("of a response to HEAD", "response", request("HEAD", "/be", FIELDS), method="HEAD"),
    case("of a request set anew", "set request"),
    case("of a response set anew", "set response"),
    case("pseudo headers", "pseudo"),
    case("pseudo headers of a request in absolute form", "pseudo", request(target="http://b.test:81/be/a")),
    case("another authority, another virtual host", "authority"),
    case("another authority by the name host", "host"),
    case("another path, another route", "path"),
    case("another path, another route, changed at the second request, too", "path", [GET, Read(), GET, Read()]),
    case("another method", "method"),
    case("another method of a request with a body", "method", POST),
    case("another status", "status"),
    case("another status of a local reply", "status", request(target="/direct"), routes=[
        {"match": {"prefix": "/direct"}, "direct_response": {"status": 200, "body": {"inline_string": "hi"}}}, route("be")]),
    case("all put back as they are", "round trip", RICH),
    case("all put back as they are, with fields of the connection", "round trip",
         request("POST", "/be", [("te", "trailers"), ("transfer-encoding", "chunked")], chunked(b"abc")),
         reply_always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-a: 1\r\n\r\n" + chunked(b"abc"))),
    case("CONNECT as the method", "connect"),
    case("the path removed", "no path"),
    case("the method removed", "no method"),
    case("the authority removed", "no authority"),
    case("fields of the connection added", "hop by hop", better="what delimits messages and connections is not a plugin's "
         "(Envoy passes the upstream a transfer-encoding that is not true)", ignores=("logs", "trace", "upstream_errors"),
         holdfast={"responses": ANSWERED, "upstream": PASSED}),
    case("server and date replaced", "server"),
    case("each map at each phase", "phases", request("POST", "/be", [*FIELDS, ("content-length", "2")], b"hi")),
    case("trailers that nobody lets through", "trailers", TRAILERS, reply_always(TRAILING)),
    case("trailers of both", "trailers", TRAILERS, reply_always(TRAILING), **WITH_TRAILERS),
    case("at the log", "log", TRAILERS, reply_always(TRAILING), **WITH_TRAILERS),
    case("chunked without trailers", "trailers", CHUNKED_POST, reply_always(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"abc")), **WITH_TRAILERS),
    one("host calls with bad addresses", "hostile", "addresses", RICH),
    one("host calls with bad numbers", "hostile", "numbers", RICH),
    one("host calls with pairs that can't be read", "hostile", "lies", better="they change nothing (Envoy removes all headers)",
        holdfast={"responses": [HELLO]}, ignores=("upstream", "logs", "trace")),
    one("host calls with bad texts", "hostile", "texts", better="what is no field is refused when it is added",
        holdfast={"responses": [HELLO]}, ignores=("upstream", "logs", "trace")),
]

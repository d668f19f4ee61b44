"""Pausing and resuming, and a pause that nobody ends."""
from harness import chunked, reply_always, request, response, route
from runner import Read

from .common import CHUNKED_POST, GET, HELLO, POST, one

IDLE = {"stream_idle_timeout": "1s"}
SHORT = [route("be", timeout="0.3s")]
RELEASED = {"better": "a response that nobody resumes goes on when the route's time is over", "ignores": ("logs", "trace"),
            "holdfast": {"responses": [HELLO]}}
CHUNKED = reply_always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"abc", b"def"))


def case(name, mode, send=GET, upstream=None, **extra):
    return one("pause: " + name, "pauses", mode, send, upstream, **extra)


def stop(name, mode, allow, send=GET, **extra):
    return case(name, mode, send, plugin={"extra": {"allow_on_headers_stop_iteration": allow}}, **extra)


SCENARIOS = [
    case("in request headers", "request headers"),
    case("in request headers of a POST", "request headers", POST),
    case("in request headers without a path", "request headers without a path"),
    case("in a request body", "request body", POST),
    case("in a chunked request body until its end", "request end", CHUNKED_POST),
    case("in response headers", "response headers"),
    case("in response headers of a chunked response", "response headers", upstream=CHUNKED),
    case("in response headers to HEAD", "response headers", request("HEAD", "/be"), method="HEAD"),
    case("in a response body", "response body"),
    case("in a chunked response body until its end", "response end", upstream=CHUNKED),
    case("in request headers until the body", "request until the body", POST, hcm=IDLE),
    stop("in request headers until the body, where that is allowed", "request until the body", True, POST, hcm=IDLE),
    stop("in request headers until the body, where that is not allowed", "request until the body", False, POST, hcm=IDLE),
    stop("in response headers until the body, where that is allowed", "response until the body", True, hcm=IDLE),
    stop("in response headers until the body, where that is not allowed", "response until the body", False, hcm=IDLE),
    case("in request headers for ever", "request headers for ever", hcm=IDLE),
    case("in response headers for ever", "response headers for ever", hcm=IDLE, routes=SHORT, **RELEASED),
    case("in a response body for ever", "response body for ever", hcm=IDLE, routes=SHORT, **RELEASED),
]

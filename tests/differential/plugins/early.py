"""Requests that the connection manager answers itself, before any filter: plugins hear of them at the log only."""
from harness import request, route
from runner import Read

from .common import one
from .lifecycle import LIST

REQUESTS = {
    "no host": request(target="/be", host=None),
    "HTTP/1.0": request(target="/be", version="HTTP/1.0"),
    "a fragment": request(target="/be#frag"),
    "an upgrade": request(target="/be", headers=[("connection", "upgrade"), ("upgrade", "websocket")]),
    "a connection option that names the host": request(target="/be", headers=[("connection", "host"), ("x-here", "1")]),
    "garbage": b"GARBAGE\r\n\r\n",
    "an unknown method": b"BREW /be HTTP/1.1\r\nhost: a.test\r\n\r\n",
    "a bad length": request("POST", "/be", [("content-length", "x")]),
    "a bad field": b"GET /be HTTP/1.1\r\nhost: a.test\r\nb@d: 1\r\n\r\n",
    "a coding that is not implemented": request("POST", "/be", [("transfer-encoding", "gzip")]),
    "a head that is too large": request(target="/be", headers=[("x-here", "a" * 70000)]),
    "too many fields": request(target="/be", headers=[("x-here", "a")] * 110),
    "OPTIONS *": request("OPTIONS", "*", [("x-here", "1")]),
    "CONNECT": request("CONNECT", "foo.test:1", [("x-here", "1")], host="foo.test:1"),
    "a target without a slash": request(target="be"),
}
# Of what the connection manager has not settled yet, we say less, or more.
UNSETTLED = ("request\\00scheme", "request\\00headers\"", "virtual_host")
PROPERTIES = "\n".join(line for line in LIST.split("\n") if not any(part in line for part in UNSETTLED))
ABSOLUTE = request(target="http://b.test:81/be/a", headers=[("x-here", "1")])

SCENARIOS = [
    one(f"early: {name}, headers", "headers", "log", send) for name, send in REQUESTS.items()
] + [
    one(f"early: {name}, properties", "properties", "all", send, parameters={"list": PROPERTIES}, traced=False)
    for name, send in REQUESTS.items() if name in ("HTTP/1.0", "a fragment", "garbage", "OPTIONS *")
] + [
    one("early: a CONNECT that the plugin answers, and what comes behind it", "replies", "request headers",
        [request("CONNECT", "foo.test:1", host="foo.test:1") + request(target="/be"), Read()], traced=False),
    one("early: an upgrade without a route", "headers", "log", request(target="/be", host="other.test", headers=[
        ("connection", "upgrade"), ("upgrade", "websocket")]), routes=[route("side", "/side")],
        better="what is the connection's is no plugin's", ignores=("logs", "trace")),
    one("early: in between", "headers", "log", [request("OPTIONS", "*"), Read(), request(target="/be"), Read()]),
    one("headers: of a request in absolute form", "headers", "round trip", ABSOLUTE),
]

"""Access log lines: the default format, a text format, JSON."""
from harness import never, request
from runner import Case, WaitUpstream, Read

EXCHANGES = {
    "get": (request(target="/be?q=1", headers=[("user-agent", "agent/1.0"), ("x-forwarded-for", "5.5.5.5")]), None),
    "post": (request("POST", "/be", [("content-length", "3")], b"abc"), None),
    "no route": (request(target="/none"), None),
    "direct response": (request(target="/direct"), None),
    "dead upstream": (request(target="/dead"), None),
    "no healthy upstream": (request(target="/nobody"), None),
    "refused request": (b"BREW / HTTP/1.1\r\n\r\n", None),
    "no host": (request(target="/be", host=None), None),
    "route timeout": (request(target="/short"), never),
    "quotes": (request(target="/be", headers=[("user-agent", 'a"b\\c'), ("x-up", "1")]), None),
    "original path": (request(target="/be", headers=[("x-envoy-original-path", "/orig")]), None),
    "fragment": (request(target="/be#x"), None),
    "OPTIONS *": (request("OPTIONS", "*"), None),
    "tunnel": (request("CONNECT", "foo.test:1", host="foo.test:1"), None),
    "upgrade": (request(target="/be", headers=[("connection", "upgrade"), ("upgrade", "websocket")]), None),
    "host nominated": (request(target="/be", headers=[("connection", "host")]), None),
}


def leave(stage):
    """Nothing: the runner closes the client's end after the last step."""


CASES = [
    Case(f"log, {listener}: {name}", f"logs:{listener}", send, script, fate="none", log=True)
    for listener in ("default", "text", "json")
    for name, (send, script) in EXCHANGES.items()
] + [
    Case("OPTIONS * twice, with a body", "basic:plain", [
        request("OPTIONS", "*", [("content-length", "3")], b"abc"), Read(), request("OPTIONS", "*"), Read()]),
    Case("OPTIONS *, the body comes later", "basic:plain", [request("OPTIONS", "*", [("content-length", "3")]), Read()]),
    Case("OPTIONS * with an upgrade", "basic:plain", request("OPTIONS", "*", [
        ("connection", "upgrade"), ("upgrade", "websocket")])),
    Case("log: http/1.1 twice", "logs:text", [request(target="/be") * 2, Read(), Read()], fate="none"),
    Case("log, listener on all addresses", "logs:everywhere", request(target="/be"), fate="none", log=True),
    Case("log, listener on all addresses: HTTP/1.0", "logs:everywhere", request(target="/be", version="HTTP/1.0"), fate="none",
         log=True),
    Case("log, listener on all addresses: TCP", "logs:everywhere_tcp", request(target="/be"), fate="none", log=True),
    Case("log: client waits", "logs:text", [request(target="/be"), WaitUpstream(1), leave, Read()], fate="none"),
]

"""HTTP/1.0 clients where the listener accepts them."""
from harness import chunked, reply_always, reply_then_close, request
from runner import Case

from .errors import REFUSED

KEEP = ("connection", "keep-alive")
CHUNKED = reply_always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"abc"))
CLOSING = reply_then_close(b"HTTP/1.1 200 OK\r\n\r\nabc")


def old(name, upstream=None, *headers, method="GET", target="/be", host="a.test", body=b"", listener="http10"):
    data = request(method, target, headers, body, host, "HTTP/1.0")
    return Case("http/1.0: " + name, "basic:" + listener, data, upstream, method=method)


CASES = [
    old("plain"),
    old("keep-alive", None, KEEP),
    old("proxy-connection keep-alive", None, ("proxy-connection", "keep-alive")),
    old("chunked upstream", CHUNKED),
    old("chunked upstream, keep-alive", CHUNKED, KEEP),
    old("close-delimited upstream", CLOSING),
    old("close-delimited upstream, keep-alive", CLOSING, KEEP),
    old("head", reply_always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"), method="HEAD"),
    old("no host", host=None),
    old("no host, default host", host=None, listener="http10_host"),
    old("404", target="/none"),
    old("404, keep-alive", None, KEEP, target="/none"),
    old("direct response, keep-alive", None, KEEP, target="/direct"),
    old("fragment", target="/be#x"),
    old("post", None, ("content-length", "3"), method="POST", body=b"abc"),
    old("post without length", method="POST"),
    Case(
        "http/1.0: post chunked",
        "basic:http10",
        request("POST", "/be", [("transfer-encoding", "chunked")], chunked(b"abc"), version="HTTP/1.0"),
        better="RFC 9112 6.1: transfer-encoding in HTTP/1.0 is faulty framing; Envoy takes it",
        holdfast={"responses": [REFUSED], "upstream": []},
    ),
    old("upstream 204, keep-alive", reply_always(b"HTTP/1.1 204 No Content\r\n\r\n"), KEEP),
    Case("http/1.1 where http/1.0 is accepted", "basic:http10", request(target="/be")),
]

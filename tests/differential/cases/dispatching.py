"""The dispatch filter beside the original plugin in Envoy: header, its place, the calls, local replies, HEAD, order."""
from harness import chunked, never, noise, reply_always, reply_then_close, request, response
from runner import Case, Read, Tell, WaitSide

from .basic import blocks

GET = request(target="/be")


def case(name, send=GET, upstream=None, side=None, listener="one", **extra):
    return Case("dispatch: " + name, "dispatch:" + listener, send, upstream, side, **extra)


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
FULL = CHUNKED.replace(b"OK", b"OK\r\nServer: nginx\r\nDate: Xday") + b"last: 1\r\n\r\n" + chunked(b"abc")
EXPECTING = request("POST", "/be", [("expect", "100-continue"), ("content-length", "3")], b"abc")
OWN = response(headers=[("total-dispatched", "9")], body=b"x")
CASES = [
    case("get"),
    case("two on one connection", [GET, Read(), GET, Read()]),
    case("pipelined", [GET + request(target="/direct"), Read(), Read()]),
    case("head", request("HEAD", "/be"), method="HEAD"),
    case("404", request(target="/none")),
    case("head 404", request("HEAD", "/none"), method="HEAD"),
    case("direct response", request(target="/direct")),
    case("head direct response", request("HEAD", "/direct"), method="HEAD"),
    case("empty direct response", request(target="/empty")),
    case("dead upstream", request(target="/dead")),
    case("no healthy upstream", request(target="/nobody")),
    case("504", request(target="/short"), never),
    case("refused request", b"BREW / HTTP/1.1\r\n\r\n"),
    case("no host", request(target="/be", host=None)),
    case("upgrade", request(target="/be", headers=[("connection", "upgrade"), ("upgrade", "websocket")])),
    case("connection close", request(target="/be", headers=[("connection", "close")])),
    case("100-continue", [EXPECTING, Read(), Read()]),
    case("upstream's date and server", upstream=reply_always(FULL)),
    case("upstream 204", upstream=reply_always(b"HTTP/1.1 204 NC\r\n\r\n")),
    case("upstream 304", upstream=reply_always(b"HTTP/1.1 304 NM\r\ncontent-length: 9\r\n\r\n")),
    case("upstream's own total-dispatched", upstream=reply_always(OWN)),
    case("close-delimited upstream", upstream=reply_then_close(b"HTTP/1.1 200 OK\r\n\r\nabc")),
    case(
        "upstream dies in the body while the response is held",
        [GET, WaitSide(3), Tell(), Read()],
        lambda c: (c.next_request(), c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), c.wait_told()),
        never,
        fate="none",
    ),
    case(
        "route timeout while a response that is not complete is held",
        [request(target="/short"), WaitSide(3), Read()],
        lambda c: (c.next_request(), c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), c.next_request()),
        never,
        fate="none",
    ),
    case("body of 3 MB", upstream=reply_always(response(body=noise(3_000_000)))),
    case("chunked body of 3 MB", upstream=reply_always(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(*blocks(60, 50000)))),
    case("two instances, in reverse", listener="two"),
    case("two instances on a local reply", request(target="/direct"), listener="two"),
    case("endpoints refuse", listener="refused"),
    case("side answers 500", side=reply_always(response(500, body=b"x", reason="ISE"))),
    case("side closes", side=reply_then_close(b"")),
    case("side resets", side=reply_then_close(b"", reset=True)),
    case("side answers garbage", side=reply_then_close(b"garbage\r\n\r\n")),
    case("side answers chunked", side=reply_always(CHUNKED + b"\r\n" + chunked(b"a", b"b"))),
    case("side answers close-delimited", side=reply_then_close(b"HTTP/1.1 200 OK\r\n\r\nabc")),
    case("side answers with 2 MB", side=reply_always(response(body=b"z" * 2_000_000))),
]

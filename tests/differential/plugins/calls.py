"""HTTP calls of plugins: to whom, with what, from which callback, and what the plugin is told of them."""
from harness import chunked, never, reply_always, reply_then_close, request, response
from runner import Leave, Read, WaitSide

from .common import CHUNKED_POST, GET, POST, after_logs, one

SIDE = reply_always(response(headers=[("x-side", "1"), ("X-Side", "2")], body=b"side body"))


def case(name, mode, send=GET, upstream=None, side=SIDE, timeout=2000, **extra):
    return one("call: " + name, "calls", mode, send, upstream, side, parameters={"timeout": str(timeout)}, **extra)


SCENARIOS = [
    case("answered", "ok"),
    case("answered, by POST", "ok", POST),
    case("answered without a body", "ok", side=reply_always(response(204, length=False, reason="No Content"))),
    case("answered in chunks", "ok", side=reply_always(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"one", b"two"))),
    case("answered with a long body", "ok", side=reply_always(response(body=b"y" * 200_000))),
    case("answered with 500", "ok", side=reply_always(response(500, body=b"broken", reason="ISE"))),
    case("answered by a closed connection", "ok", side=reply_then_close(b"")),
    case("answered by garbage", "ok", side=reply_then_close(b"garbage\r\n\r\n")),
    case("cut in the body", "ok", side=reply_then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")),
    case("refused", "refused"),
    case("timed out", "ok", side=never, timeout=150),
    case("timed out in the body", "ok", side=lambda c: (
        c.next_request(), c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), c.next_request()), timeout=150),
    case("to an unknown cluster", "unknown cluster"),
    case("to a cluster without a name", "empty cluster name"),
    case("to a cluster without an endpoint", "no endpoint"),
    case("without a path", "no path"),
    case("without a method", "no method"),
    case("without an authority", "no authority"),
    case("without any header", "no headers"),
    case("with headers that can't be read", "broken headers"),
    case("with an empty authority", "empty authority"),
    case("with a scheme and upper case", "scheme and upper case"),
    case("with a content-length of its own", "own length", timeout=300, ignores=("calls", "logs", "trace"),
         better="a length that is not the body's is put right (Envoy promises nine bytes and sends none)"),
    case("with a body", "body"),
    case("with a body and trailers", "trailers"),
    case("of HEAD", "head", side=reply_always(response(body=b"not there"))),
    case("two at once", "two", any_order=True),
    case("one from the callback of another", "chain"),
    case("from a chunked request's body", "request body", CHUNKED_POST),
    case("from response headers", "response"),
    case("from a held response body", "response body"),
    case("that refuses the request", "reply"),
    case("that refuses a POST", "reply", POST),
    case("that closes the request", "close", [GET, Read()]),
    case("while the request goes on", "go on", [GET, Read(), lambda stage: stage.side.tell(), after_logs(1, "callback:")],
         side=reply_always(response(body=b"late"), delay_told=True)),
    case("from the log", "log", [GET, Read(), after_logs(1, "callback:")]),
    case("for a client that has left", "ok", [GET, WaitSide(1), Leave(), after_logs(1, "callback:")], side=lambda c: (
        c.next_request(), c.wait_told(1), c.send(response(body=b"late"))),
        better="a call ends with the client that it was made for", ignores=("logs", "trace")),
]

"""Request bodies: 100-continue, answers that come before the body is complete, upstreams that leave in the middle."""
import time

from harness import request, response
from runner import Case, HalfClose, Read, Tell, WaitUpstream, wait_seconds

EARLY = response(headers=[("x-up", "1")], body=b"early")
TOO_LARGE = response(413, body=b"no", reason="Payload Too Large")
SIZED = request("POST", "/be", [("content-length", "10")], b"abc")
CHUNKED = request("POST", "/be", [("transfer-encoding", "chunked")], b"3\r\nabc\r\n")
LARGE = request("POST", "/be", [("content-length", "10000000")], b"a" * 1000)
EXPECT = [("content-length", "3"), ("expect", "100-continue")]


def early(data, end="stay"):
    def script(connection):
        if connection.next_head() is None:
            return
        connection.send(data)
        if end == "reset":
            connection.reset()
        elif end == "stay":
            connection.next_head()

    return script


def case(name, send, upstream=None, **extra):
    return Case("upload: " + name, "basic:plain", send, upstream, **extra)


CONTINUE = [
    case(
        "100-continue is answered at once",
        [request("POST", "/be", EXPECT), Read(), b"abc", Read()],
    ),
    case("100-continue with the body", [request("POST", "/be", EXPECT, b"abc"), Read(), Read()]),
    case("100-Continue in mixed case", [request("POST", "/be", [("content-length", "3"), ("Expect", "100-Continue")]),
                                        Read(), b"abc", Read()]),
    case("100-continue on a get", [request("GET", "/be", [("expect", "100-continue")]), Read(), Read()]),
    case("100-continue to a direct response", [request("POST", "/direct", EXPECT), Read(), Read()]),
    case("100-continue to a dead upstream", [request("POST", "/dead", EXPECT), Read(), Read()]),
    case("the head does not wait for the body", [SIZED, WaitUpstream(1), b"defghij", Read()],
         lambda c: (c.next_head(), c.read_exact(10, time.monotonic() + 10), c.send(EARLY), c.next_request())),
]

EARLIES = [
    case("early answer, sized", [SIZED, Read()], early(EARLY), fate="eof"),
    case("early answer, chunked", [CHUNKED, Read()], early(EARLY), fate="eof"),
    case("early answer, large", [LARGE, Read()], early(EARLY), fate="eof"),
    case("early 413, closes", [SIZED, Read()], early(TOO_LARGE, "close"), fate="eof"),
    case("early 413, resets", [SIZED, Read()], early(TOO_LARGE, "reset"), fate="eof"),
    case("upstream closes in the upload", [SIZED, Read()], early(b"", "close"), fate="eof"),
    case("upstream resets in the upload", [SIZED, Read()], early(b"", "reset"), fate="eof"),
    case("client half-closes in the upload", [SIZED, WaitUpstream(1), HalfClose()], early(b""), fate="eof"),
    case("bad chunk after the head was sent", [CHUNKED, WaitUpstream(1), b"zz\r\n", Read()], early(b""), fate="eof"),
]

HALF_CLOSED = [
    case(
        "client half-closes while it waits for the answer",
        [request(target="/be"), WaitUpstream(1), HalfClose(), wait_seconds(0.3), Tell(), Read()],
        lambda c: (c.next_request(), c.wait_told(), c.send(EARLY), c.next_request()),
        fate="eof",
    ),
]
CASES = CONTINUE + EARLIES + HALF_CLOSED

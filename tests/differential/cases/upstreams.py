"""What the upstream may do wrong, and interim responses."""
from harness import never, reply_then_close, request, response
from runner import Arrived, Case, Read, Tell, WaitUpstream

GET = request(target="/be")
POST = request("POST", "/be", [("content-length", "3")], b"abc")
OK = response(body=b"final")
PROTOCOL_ERROR = {
    "line": "HTTP/1.1 502 Bad Gateway",
    "headers": [["content-length", "87"], ["content-type", "text/plain"], ["date", "<date>"], ["server", "envoy"]],
    "body": "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
    "trailers": [],
    "complete": True,
}


def once(data, end="stay"):
    """Answer one request with these bytes, then close, reset, or keep the connection open."""

    def script(connection):
        if connection.next_request() is None:
            return
        connection.send(data)
        if end == "reset":
            connection.reset()
        elif end == "stay":
            connection.next_request()

    return script


def begin_then_close(data):
    """Answer one request with these bytes, and close when told."""

    def script(connection):
        if connection.next_request() is not None:
            connection.send(data)
            connection.wait_told()

    return script


def interim(*heads):
    def script(connection):
        while connection.next_request() is not None:
            for head in heads:
                connection.send(head)
            connection.send(OK)

    return script


def case(name, data, end="stay", send=GET, **extra):
    return Case("upstream: " + name, "basic:plain", send, once(data, end), **extra)


def answer(head, body=b"abc"):
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body


BROKEN = [
    case("garbage", b"garbage\r\n\r\n"),
    case("ssh banner", b"SSH-2.0-OpenSSH\r\n"),
    case("closes without a byte", b"", "close"),
    case("resets without a byte", b"", "reset"),
    case("closes in the head", b"HTTP/1.1 200 OK\r\nx: ", "close"),
    case("204 with a length", b"HTTP/1.1 204 NC\r\ncontent-length: 3\r\n\r\nabc"),
    case("204 chunked", b"HTTP/1.1 204 NC\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    case("two lengths", answer(b"content-length: 3\r\ncontent-length: 4")),
    case("two equal lengths", answer(b"content-length: 3\r\ncontent-length: 3")),
    case("length and chunked", answer(b"content-length: 3\r\ntransfer-encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n")),
    case("coding gzip", answer(b"transfer-encoding: gzip"), "close"),
    case("bad length", answer(b"content-length: x")),
    case("status 099", b"HTTP/1.1 099 X\r\ncontent-length: 3\r\n\r\nabc"),
    case("status 99", b"HTTP/1.1 99 X\r\ncontent-length: 3\r\n\r\nabc"),
    case("nul in a value", answer(b"x: a\0b\r\ncontent-length: 3")),
    case("space before the colon", answer(b"x : a\r\ncontent-length: 3")),
    case("empty line first", b"\r\n" + answer(b"content-length: 3")),
    case("head of 1 MB", answer(b"x: " + b"y" * 1000000 + b"\r\ncontent-length: 3")),
    case("101 fields", answer(b"".join(b"x%d: y\r\n" % i for i in range(100)) + b"content-length: 3")),
    case("closes in a head reply", b"", "close", request("HEAD", "/be"), method="HEAD"),
]

DYING = [
    Case("upstream: " + name, "basic:plain", [GET, Arrived(), Tell(), Read()], begin_then_close(data))
    for name, data in (
        ("dies in a sized body", answer(b"content-length: 10")),
        ("dies in a chunked body", answer(b"transfer-encoding: chunked", b"3\r\nabc\r\n")),
    )
]

ODD = [
    case("http/1.0 with length", b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc"),
    case("http/1.0 close-delimited", b"HTTP/1.0 200 OK\r\n\r\nabc", "close"),
    case("status 299", b"HTTP/1.1 299 Hm\r\ncontent-length: 3\r\n\r\nabc"),
    case("status 418", b"HTTP/1.1 418 Teapot\r\ncontent-length: 3\r\n\r\nabc"),
    case("status 600", b"HTTP/1.1 600 X\r\ncontent-length: 3\r\n\r\nabc"),
    case("status 999", b"HTTP/1.1 999 X\r\ncontent-length: 3\r\n\r\nabc"),
    case("no reason", b"HTTP/1.1 200\r\ncontent-length: 3\r\n\r\nabc"),
    case("empty reason", b"HTTP/1.1 200 \r\ncontent-length: 3\r\n\r\nabc"),
    case(
        "lines of LF only",
        b"HTTP/1.1 200 OK\ncontent-length: 3\n\nabc",
        better="one grammar in both directions: lines end in CRLF (RFC 9112 2.2)",
        holdfast={"responses": [PROTOCOL_ERROR]},
    ),
    case("head of 70 kB", answer(b"x: " + b"y" * 70000 + b"\r\ncontent-length: 3")),
    case("100 fields", answer(b"".join(b"x%d: y\r\n" % i for i in range(99)) + b"content-length: 3")),
    case("high byte in a value", answer(b"x: a\xffb\r\ncontent-length: 3")),
    Case(
        "upstream: excess bytes",
        "basic:plain",
        [GET, Read(), GET, Read()],
        once(answer(b"content-length: 3", b"abcEXC")),
        better="what follows a response was not asked for: which of the two is the answer is anyone's guess",
        holdfast={"responses": [PROTOCOL_ERROR, PROTOCOL_ERROR]},
    ),
    Case(
        "upstream: body after a head reply",
        "basic:plain",
        [request("HEAD", "/be"), Read("HEAD"), GET, Read()],
        once(answer(b"content-length: 3")),
        better="a response to HEAD ends with its head (RFC 9112 6.3): what follows was not asked for",
        holdfast={"responses": lambda seen: [dict(PROTOCOL_ERROR, body=""), seen[1]]},
    ),
    Case(
        "upstream: closes after each reply",
        "basic:plain",
        [GET, Read(), GET, Read()],
        reply_then_close(answer(b"connection: close\r\ncontent-length: 3")),
    ),
]

INTERIM = [
    Case(f"interim {name}", "basic:plain", POST, interim(*heads))
    for name, heads in {
        "100": [b"HTTP/1.1 100 Continue\r\n\r\n"],
        "102": [b"HTTP/1.1 102 Processing\r\nx: 1\r\n\r\n"],
        "103": [b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"],
        "100 three times": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 3,
        "100 with a length": [b"HTTP/1.1 100 Continue\r\ncontent-length: 3\r\n\r\n"],
    }.items()
]


def unsolicited(connection):
    """The first connection answers, then says something nobody asked for; the second is honest."""
    if connection.next_request() is None:
        return
    connection.send(response(body=b"first %d" % connection.number))
    if connection.number == 1:
        connection.wait_told()
        connection.send(response(body=b"EVIL"))
        connection.owner.second = connection.next_request() is None  # The proxy has closed it: only now go on.
        return
    connection.next_request()


def stale(connection):
    """The first connection takes a second request and closes without a byte; others answer."""
    if connection.next_request() is None:
        return
    connection.send(response(body=b"connection %d" % connection.number))
    again = connection.next_request()
    if again is None or connection.number == 1:
        return
    connection.send(response(body=b"again"))


def told_then_closed(stage):
    stage.be.tell()
    first = stage.be.connections[0]
    first.thread.join(10)


POOL = [
    Case(
        "unsolicited bytes on an idle connection",
        "basic:plain",
        [GET, Read(), told_then_closed, GET, Read()],
        unsolicited,
    ),
    Case(
        "pooled connection closes on the next request",
        "basic:plain",
        [GET, Read(), GET, Read()],
        stale,
        better="a request that is safe to repeat is sent once more on another connection (nothing had gone downstream)",
        holdfast={
            "responses": lambda seen: [seen[0], dict(seen[0], body="connection 2")],
            "upstream": lambda seen: seen + [dict(seen[1], connection=2)],
        },
    ),
    Case(
        "pooled connection closes on the next post",
        "basic:plain",
        [GET, Read(), POST, Read()],
        stale,
    ),
]

UNASKED_101 = [
    Case(
        "unasked 101",
        "basic:plain",
        GET,
        once(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\nconnection: upgrade\r\n\r\n"),
        fate="none",
        better="nobody asked to switch protocols: the bytes that follow are no HTTP, so the answer is a 502",
        holdfast={"responses": [PROTOCOL_ERROR]},
    ),
    Case("client leaves before the answer", "basic:plain", [GET, WaitUpstream(1)], never, fate="none"),
    Case(
        "told reply",
        "basic:plain",
        [GET, WaitUpstream(1), Tell(), Read()],
        lambda c: (c.next_request(), c.wait_told(), c.send(OK), c.next_request()),
    ),
]

CASES = BROKEN + DYING + ODD + INTERIM + POOL + UNASKED_101

"""Whole exchanges: framing of requests and responses, hop-by-hop headers, pipelining, keep-alive."""
from harness import chunked, dribble, noise, reply_always, reply_each, reply_then_close, request, response
from runner import Case, Read, WaitEof


def blocks(count, size):
    data = noise(count * size)
    return [data[i : i + size] for i in range(0, len(data), size)]


def up(data):
    return reply_always(data)


def get(*headers):
    return request(target="/be", headers=[header.split(": ", 1) for header in headers])


def plain(name, send, upstream=None, **extra):
    return Case(name, "basic:plain", send, upstream, **extra)


def replies(name, data, **extra):
    return plain(name, get(), up(data), **extra)


def without_field(name):
    """What Envoy's responses are without that field."""
    return lambda seen: [dict(each, headers=[pair for pair in each["headers"] if pair[0] != name]) for each in seen]


BODIES = [
    plain("get", request(target="/be?q=1", headers=[("User-Agent", "x"), ("Accept", "*/*"), ("X-A", "1")])),
    plain("host is moved to the front", b"GET /be HTTP/1.1\r\nX-A: 1\r\nHost: a.test\r\nX-B: 2\r\n\r\n"),
    plain("head", request("HEAD", "/be"), up(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: y\r\n\r\n"), method="HEAD"),
    plain(
        "head, upstream chunked",
        request("HEAD", "/be"),
        up(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx: y\r\n\r\n"),
        method="HEAD",
    ),
    plain("head, no framing", request("HEAD", "/be"), up(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n"), method="HEAD"),
    plain("post with length", request("POST", "/be", [("X-A", "1"), ("Content-Length", "3"), ("X-B", "1")], b"abc")),
    plain("post with length 0", request("POST", "/be", [("Content-Length", "0"), ("X-B", "1")])),
    plain(
        "post chunked with extensions and trailers",
        request(
            "POST",
            "/be",
            [("X-A", "1"), ("Transfer-Encoding", "chunked"), ("X-B", "1"), ("Trailer", "foo")],
            b'3;ext=1;q="a;b"\r\nabc\r\n2\r\nde\r\n0\r\nFoo: bar\r\n\r\n',
        ),
    ),
    plain("post chunked empty", request("POST", "/be", [("Transfer-Encoding", "Chunked")], b"0\r\n\r\n")),
    plain(
        "chunk size in upper case with leading zeros",
        request("POST", "/be", [("Transfer-Encoding", "chunked")], b"000A\r\n0123456789\r\n000\r\n\r\n"),
    ),
    plain("get with length", request("GET", "/be", [("content-length", "3")], b"abc")),
    plain("get chunked", request("GET", "/be", [("transfer-encoding", "chunked")], chunked(b"abc"))),
    plain("response keeps order, lower-cases names, own reason", get(), up(
        b"HTTP/1.1 200 Fine\r\nX-One: 1\r\nContent-Length: 5\r\nX-Two: 2\r\nX-One: 3\r\n\r\nhello")),
    replies(
        "chunked response with extensions and trailers",
        b"HTTP/1.1 200 OK\r\nX-One: 1\r\nTransfer-Encoding: chunked\r\nTrailer: t\r\nX-Two: 2\r\n\r\n"
        b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n",
    ),
    plain("close-delimited response", get(), reply_then_close(b"HTTP/1.1 200 OK\r\nX-One: 1\r\n\r\nhello")),
    plain("close-delimited empty response", get(), reply_then_close(b"HTTP/1.1 200 OK\r\n\r\n")),
    replies("204", b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"),
    replies("204 with content-length 0", b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"),
    replies("304 with content-length", b'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\netag: "x"\r\n\r\n'),
    replies("304", b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\n\r\n'),
    replies("205", b"HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"),
    plain("response dribbled byte by byte", get(), dribble(response(headers=[("x", "y")], body=b"abc"), 60)),
    plain("request dribbled", [bytes([byte]) for byte in request("POST", "/be", [("content-length", "2")], b"hi")]
          + [Read()]),
    plain("response of 3 MB", get(), up(response(body=noise(3_000_000)))),
    plain(
        "request and response of 2 MB, chunked",
        request("POST", "/be", [("transfer-encoding", "chunked")], chunked(*blocks(32, 65536))),
        up(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(*blocks(40, 50000))),
    ),
]

METHODS = [
    plain(f"{method.lower()} without body", request(method, "/be"))
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "SOURCE")
]

HOP_BY_HOP = [
    plain(f"request {name}", get("X-Foo: 1", *headers, "X-Last: 1"))
    for name, headers in {
        "connection keep-alive": ["Connection: keep-alive"],
        "connection close": ["Connection: close"],
        "connection Close": ["Connection: Close"],
        "connection x-foo, close": ["Connection: x-foo, close"],
        "connection x-foo": ["Connection: x-foo"],
        "two connection lines": ["Connection: keep-alive", "Connection: close"],
        "proxy-connection close": ["Proxy-Connection: close"],
        "proxy-connection keep-alive": ["Proxy-Connection: keep-alive"],
        "keep-alive": ["Keep-Alive: timeout=3"],
        "te trailers": ["TE: trailers"],
        "te gzip": ["TE: gzip"],
        "te trailers, gzip": ["TE: trailers, gzip"],
        "te named by connection": ["Connection: keep-alive, TE", "TE: trailers"],
        "trailer": ["Trailer: foo"],
        "upgrade without connection": ["Upgrade: websocket"],
        "connection upgrade alone": ["Connection: upgrade"],
        "upgrade websocket": ["Connection: upgrade", "Upgrade: websocket"],
        "upgrade h2c": ["Connection: upgrade, http2-settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
        "expect of another kind": ["Expect: foo"],
        "server, date and via": ["Server: x", "Date: y", "Via: z"],
        "duplicates": ["X-Dup: 1", "X-Dup: 2", "Cookie: a=b", "Cookie: c=d"],
        "connection naming host": ["Connection: host"],
        "connection naming content-length": ["Connection: content-length"],
    }.items()
] + [
    plain("request header empty", b"GET /be HTTP/1.1\r\nHost: a.test\r\nX-Empty:\r\nX-Sp:  v \t\r\n\r\n"),
    plain(
        "upstream connection close",
        [get(), Read(), get(), Read()],
        up(b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nhi"),
    ),
    replies(
        "upstream hop-by-hop headers",
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, x-foo\r\nKeep-Alive: timeout=5\r\nX-Foo: 1\r\n"
        b"Proxy-Connection: keep-alive\r\nUpgrade: foo\r\ncontent-length: 2\r\n\r\nhi",
        better="RFC 9110 7.6.1: what Connection names must not be forwarded; Envoy forwards it in responses",
        holdfast={"responses": without_field("x-foo")},
    ),
    replies("upstream te and trailer", b"HTTP/1.1 200 OK\r\nTE: trailers\r\nTrailer: z\r\ncontent-length: 2\r\n\r\nhi"),
]

PIPELINING = [
    plain("two requests on one connection", [get(), Read(), get(), Read()]),
    plain("three pipelined", [get("X-N: 1") + get("X-N: 2") + get("X-N: 3"), Read(), Read(), Read()]),
    plain(
        "pipelined, close on the second",
        [get() + get("Connection: close") + get("X-N: 3"), Read(), Read(), WaitEof()],
    ),
    plain("pipelined, the second is bad", [get() + b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + get(), Read(), Read()]),
    plain(
        "pipelined posts",
        [
            request("POST", "/be/1", [("content-length", "3")], b"abc")
            + request("POST", "/be/2", [("transfer-encoding", "chunked")], chunked(b"abc"))
            + request(target="/direct"),
            Read(),
            Read(),
            Read(),
        ],
    ),
    plain("pipelined local and proxied", [request(target="/direct") + get(), Read(), Read()]),
    plain(
        "pipelined, different responses",
        [get() * 3, Read(), Read(), Read()],
        reply_each(response(body=b"1"), b"HTTP/1.1 204 NC\r\n\r\n", response(404, body=b"x" * 9000)),
    ),
    plain("empty lines before a request", b"\r\n" + get()),
    plain("empty line between requests", [get(), Read(), b"\r\n" + get(), Read()]),
]

CASES = BODIES + METHODS + HOP_BY_HOP + PIPELINING

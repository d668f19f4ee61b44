"""Local replies: not found, direct responses, refused requests; which of them close."""
from harness import request
from runner import Case, Read


def plain(name, send, method="GET", **extra):
    return Case(name, "basic:plain", send, method=method, **extra)


def post(body, *headers):
    return request("POST", "/be", headers, body)


LOCAL = [
    plain(f"{method.lower()} {path}", request(method, path), method=method)
    for path in ("/direct", "/empty", "/204", "/500", "/no/route", "/dead", "/nobody")
    for method in ("GET", "HEAD")
] + [
    plain("direct response to a post with length 0", request("POST", "/direct", [("content-length", "0")])),
    plain("direct response to a post with a body", request("POST", "/direct", [("content-length", "3")], b"abc")),
    plain("direct response to an unfinished post", request("POST", "/direct", [("content-length", "9")], b"abc")),
    plain("404 to a chunked post", request("POST", "/none", [("transfer-encoding", "chunked")], b"3\r\nabc\r\n")),
    plain("404, connection close", request(target="/none", headers=[("connection", "close")])),
    plain("503, connection close", request(target="/dead", headers=[("connection", "close")])),
    plain("exact path", request(target="/exact?q")),
    plain("exact path is not a prefix", request(target="/exact/")),
    plain("prefix is of bytes", request(target="/beyond")),
    plain("prefix is case-sensitive", request(target="/BE")),
    plain("double slash", request(target="//be")),
    plain("dot segment", request(target="/./be")),
    plain("percent-encoding is not decoded", request(target="/%62e")),
    plain("path in the query", request(target="/?/be")),
    plain("options *", request("OPTIONS", "*")),
    plain("options *, a connection option that names the host", request("OPTIONS", "*", [("connection", "host")])),
    plain("options *, eleven connection options", request("OPTIONS", "*", [("connection", ",".join("abcdefghijk"))])),
    plain("an upgrade without a route", request(target="/none", headers=[("connection", "upgrade"), ("upgrade", "websocket")])),
    plain("h2c offered twice", request(target="/be", headers=[("connection", "upgrade"), ("upgrade", "h2c"), ("upgrade", "h2c")])),
    plain("connect", request("CONNECT", "a.test:80", host="a.test:80")),
]

BAD = {
    "garbage": b"garbage\r\n\r\n",
    "unknown method": request("BREW"),
    "lower-case method": request("get"),
    "two equal lengths": post(b"abc", ("content-length", "3"), ("content-length", "3")),
    "two lengths": post(b"abc", ("content-length", "3"), ("content-length", "4")),
    "length list": post(b"abc", ("content-length", "3, 3")),
    "length negative": post(b"", ("content-length", "-3")),
    "length with plus": post(b"abc", ("content-length", "+3")),
    "length too large": post(b"", ("content-length", "99999999999999999999")),
    "length empty": post(b"", ("content-length", "")),
    "length hex": post(b"", ("content-length", "0x3")),
    "length and chunked": post(b"0\r\n\r\n", ("content-length", "3"), ("transfer-encoding", "chunked")),
    "chunked and length": post(b"0\r\n\r\n", ("transfer-encoding", "chunked"), ("content-length", "3")),
    "coding gzip": post(b"", ("transfer-encoding", "gzip")),
    "coding gzip, chunked": post(b"0\r\n\r\n", ("transfer-encoding", "gzip, chunked")),
    "coding chunked, chunked": post(b"0\r\n\r\n", ("transfer-encoding", "chunked, chunked")),
    "coding chunked twice": post(b"0\r\n\r\n", ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")),
    "coding xchunked": post(b"0\r\n\r\n", ("transfer-encoding", "xchunked")),
    "coding identity": post(b"", ("transfer-encoding", "identity")),
    "chunk size not hex": post(b"zz\r\nabc\r\n", ("transfer-encoding", "chunked")),
    "chunk size too large": post(b"fffffffffffffffff\r\n", ("transfer-encoding", "chunked")),
    "chunk without its end": post(b"3\r\nabcXX0\r\n\r\n", ("transfer-encoding", "chunked")),
    "chunk lines of LF only": post(b"3\nabc\n0\n\n", ("transfer-encoding", "chunked")),
    "no host": request(target="/be", host=None),
    "host with a space": request(target="/be", host="a b"),
    "fragment in the target": request(target="/be#x"),
    "http/1.0 not accepted": request(target="/be", version="HTTP/1.0"),
    "http/1.2": request(target="/be", version="HTTP/1.2"),
    "http/2.0": request(target="/be", version="HTTP/2.0"),
    "http/9.9": request(target="/be", version="HTTP/9.9"),
    "http/0.9": b"GET /be\r\n\r\n",
    "version in lower case": b"GET /be http/1.1\r\nHost: a.test\r\n\r\n",
    "space before the colon": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx : y\r\n\r\n",
    "nul in a value": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\0z\r\n\r\n",
    "del in a value": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\x7fz\r\n\r\n",
    "control byte in a value": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\x01z\r\n\r\n",
    "bad name": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx(y: 1\r\n\r\n",
    "empty name": b"GET /be HTTP/1.1\r\nHost: a.test\r\n: 1\r\n\r\n",
    "line without a colon": b"GET /be HTTP/1.1\r\nHost: a.test\r\nxyz\r\n\r\n",
    "first line folded": b"GET /be HTTP/1.1\r\n Host: a.test\r\n\r\n",
    "space in the target": b"GET /be x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "high byte in the target": b"GET /be\xff HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "control byte in the target": b"GET /be\x01 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "target without a slash": request(target="be"),
    "target *": request(target="*"),
    "connect with a path": request("CONNECT", "/be"),
    "tls hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 20 + b"\r\n\r\n",
    "scheme ftp": request(target="ftp://a.test/be"),
    "absolute without a host": request(target="http:///be"),
    "head of 70 kB": request(target="/be", headers=[("x", "y" * 70000)]),
    "target of 70 kB": request(target="/be" + "a" * 70000),
    "ten connection options": request(target="/be", headers=[("Connection", "a,b,c,d,e,f,g,h,i,j")]),
    "connect with a length": request("CONNECT", "a.test:80", [("content-length", "3")], b"abc", host="a.test:80"),
    "connect chunked": request(
        "CONNECT", "a.test:80", [("transfer-encoding", "chunked")], b"0\r\n\r\n", host="a.test:80"
    ),
    "101 fields": request(target="/be", headers=[(f"x{i}", "y") for i in range(100)]),
}
ACCEPTED = {
    "nine connection options": request(target="/be", headers=[("Connection", "a,b,c,d,e,f,g,h,i")]),
    "100 fields": request(target="/be", headers=[(f"x{i}", "y") for i in range(99)]),
    "head of 59 kB": request(target="/be", headers=[("x", "y" * 59000)]),
    "high byte in a value": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\xffz\r\n\r\n",
    "tab in a value": b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\tz\r\n\r\n",
    "name with underscore": request(target="/be", headers=[("x_y", "1")]),
    "%00 in the target": request(target="/be%00"),
    "quotes in the target": request(target='/be"<>'),
    "empty host": request(target="/be", host=""),
}

REFUSED = {
    "line": "HTTP/1.1 400 Bad Request",
    "headers": [
        ["content-length", "11"], ["content-type", "text/plain"], ["date", "<date>"], ["server", "envoy"],
        ["connection", "close"],
    ],
    "body": "Bad Request",
    "trailers": [],
    "complete": True,
}
STRICTER = [
    plain(
        "refused: " + name,
        data,
        better=why,
        holdfast={"responses": [REFUSED], "fate": "closed", "upstream": []},
    )
    for name, data, why in (
        (
            "two hosts",
            request(target="/be", headers=[("Host", "b.test")]),
            "RFC 9112 3.2 demands a 400; Envoy joins them with a comma",
        ),
        (
            "bare CR in a value",
            b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\rz\r\n\r\n",
            "RFC 9112 2.2: a bare CR makes the message invalid; Envoy drops the CR and so changes the value",
        ),
        (
            "folded line",
            b"GET /be HTTP/1.1\r\nHost: a.test\r\nx: y\r\n z\r\n\r\n",
            "RFC 9112 5.2: a server refuses obs-fold, a known means of smuggling; Envoy joins the lines",
        ),
        (
            "two spaces after the method",
            b"GET  /be HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "RFC 9112 3: single spaces; parsers that differ here see different targets",
        ),
        (
            "tabs in the request line",
            b"GET\t/be HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "RFC 9112 3: single spaces; parsers that differ here see different targets",
        ),
        (
            "lines of LF only",
            b"GET /be HTTP/1.1\nHost: a.test\n\n",
            "RFC 9112 2.2 allows to take CRLF only; where hops differ in what ends a line, requests are smuggled",
        ),
        (
            "chunk size with a space",
            post(b"3 \r\nabc\r\n0\r\n\r\n", ("transfer-encoding", "chunked")),
            "RFC 9112 7.1 has no space there; readers that differ here see different bodies",
        ),
        (
            "user name in an absolute target",
            request(target="http://u:p@b.test/be"),
            "RFC 9110 4.2.4: userinfo in a request from the outside is to be treated as an error",
        ),
        (
            "percent without hex digits",
            request(target="/be%zz"),
            "RFC 3986 2.1: what it decodes to differs from reader to reader",
        ),
        (
            "port beyond 65535",
            request(target="/be", host="a.test:65616"),
            "RFC 9293 3.1: a port has 16 bits; who keeps those sees port 80",
        ),
        (
            "port without a host",
            request(target="/be", host=":80"),
            "RFC 9110 4.2.1: to be rejected as invalid",
        ),
        (
            "malformed IPv6 address",
            request(target="/be", host="[:::1]"),
            "RFC 3986 3.2.2",
        ),
        (
            "space after the version",
            b"GET /be HTTP/1.1 \r\nHost: a.test\r\n\r\n",
            "RFC 9112 3: nothing follows the version",
        ),
    )
]

STRICTER += [
    plain(
        "refused: trailer that names the host",
        post(b"0\r\nHost: b.test\r\n\r\n", ("transfer-encoding", "chunked")),
        better="RFC 9110 6.5.1: no trailer; a hop that merges trailers would route by it (Envoy drops it)",
        holdfast={"responses": [REFUSED], "fate": "closed", "upstream": []},
    ),
    plain(
        "method query",
        request("QUERY"),
        better="an unknown method like any other; Envoy's answer only has another body",
        holdfast={"responses": [REFUSED]},
    )
]

SMALL = [
    Case("small limits: 5 fields", "basic:small", request(target="/", headers=[(f"x{i}", "y") for i in range(4)])),
    Case("small limits: 6 fields", "basic:small", request(target="/", headers=[(f"x{i}", "y") for i in range(5)])),
    Case("small limits: 1 kB", "basic:small", request(target="/", headers=[("x", "y" * 960)])),
    Case("small limits: more than 1 kB", "basic:small", request(target="/", headers=[("x", "y" * 1100)])),
]

CASES = (
    LOCAL
    + [plain("bad: " + name, data) for name, data in BAD.items()]
    + [plain("accepted: " + name, data) for name, data in ACCEPTED.items()]
    + STRICTER
    + SMALL
    + [plain("bad after good", [request(target="/be"), Read(), b"BREW\r\n\r\n", Read()])]
)

"""Timeouts of 0.2 s each: who is told what, and which connections live on."""
from harness import never, request
from runner import Case, Read, WaitEof, wait_seconds

PARTIAL_HEAD = b"GET / HTTP/1.1\r\nHos"
UPLOAD = request("POST", "/", [("content-length", "10")], b"abc")
GET = request()


def begun(data):
    def script(connection):
        if connection.next_request() is not None:
            connection.send(data)
            connection.next_request()

    return script


SIZED = begun(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
CHUNKED = begun(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")


def reading_never(connection):
    """Takes the head, never answers, and doesn't wait for the body."""
    if connection.next_head() is not None:
        connection.next_head()


def case(name, listener, send, upstream=None, **extra):
    return Case("timeout: " + name, "timeouts:" + listener, send, upstream, **extra)


CASES = [
    case("route, before the head", "plain", request(target="/route"), never),
    case("route, head request", "plain", request("HEAD", "/route"), never, method="HEAD"),
    case("route, in a sized body", "plain", request(target="/route"), SIZED, fate="eof"),
    case("route, in a chunked body", "plain", request(target="/route"), CHUNKED, fate="eof"),
    case("route's idle", "plain", request(target="/idle"), never),
    case("connect", "plain", request(target="/blackhole")),
    case("stream idle, before the head", "stream_idle", GET, never),
    case("stream idle, in the body", "stream_idle", GET, SIZED, fate="eof"),
    case("stream idle, in the upload", "stream_idle", UPLOAD, reading_never, fate="eof"),
    case("stream idle, in the head", "stream_idle", PARTIAL_HEAD, fate="eof"),
    case("request, in the upload", "request_timeout", UPLOAD, reading_never, fate="eof"),
    case("request, in the head", "request_timeout", PARTIAL_HEAD, fate="eof"),
    case("request headers", "headers_timeout", PARTIAL_HEAD, fate="eof"),
    case("idle, no request", "idle", [WaitEof()], fate="none"),
    case("idle, after a request", "idle", [GET, Read(), WaitEof()], fate="none"),
    case("max stream duration, before the head", "max_stream", GET, never),
    case("max stream duration, in the body", "max_stream", GET, SIZED, fate="eof"),
    case("max stream duration, in the upload", "max_stream", UPLOAD, reading_never, fate="eof"),
    case("two requests per connection", "max_requests", [GET, Read(), GET, Read(), WaitEof()], fate="none"),
    case(
        "two requests per connection, three pipelined",
        "max_requests",
        [GET * 3, Read(), Read(), WaitEof()],
        fate="none",
    ),
    case("max connection duration, idle", "max_connection", [WaitEof()], fate="none"),
    case(
        "max connection duration, in use",
        "max_connection",
        [GET, Read(), wait_seconds(0.4), WaitEof()],
        fate="none",
    ),
]

"""Bodies: sizes told, read in part, changed as they stream and when all of it has come."""
from harness import chunked, noise, reply_always, reply_then_close, request, response
from runner import Read, Tell

from .common import CHUNKED_POST, POST, after_logs, chunk, one, pieces, twice

LONG = 300_000
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BIG = request("POST", "/be", [("content-length", str(LONG))], noise(LONG))
TWO_PARTS = [request("POST", "/be", [("transfer-encoding", "chunked")], chunk(b"first")),
             after_logs(1, "body 0, 5 bytes"), chunk(b"second") + b"0\r\n\r\n", Read()]
PARTS = pieces(chunk(b"first"), chunk(b"second"), b"0\r\n\r\n")


def case(name, mode, send=POST, upstream=None, **extra):
    return one("bodies: " + name, "bodies", mode, send, upstream, **extra)


def told(count):
    """Each part of the upstream's answer is sent after the plugin has seen the one before."""

    return [step for part in range(count) for step in (after_logs(part, ": body 1,"), Tell())]


STREAMED = [request(target="/be"), *told(3), Read()]

SCENARIOS = [
    case("request looked at", "request look"),
    case("chunked request looked at", "request look", CHUNKED_POST),
    case("response looked at", "response look", request(target="/be")),
    case("request with an empty body", "request look", request("POST", "/be", [("content-length", "0")])),
    case("request of an empty chunked body", "request append", request(
        "POST", "/be", [("transfer-encoding", "chunked")], chunked())),
    case("an answer to a broken body", "response append free", request(
        "POST", "/be", [("transfer-encoding", "chunked")], b"3\r\nabc\r\nzz\r\n")),
    case("response with an empty body", "response append", request(target="/be"), reply_always(response(body=b""))),
    case("response of an empty chunked body", "response append", request(target="/be"), reply_always(CHUNKED + b"0\r\n\r\n")),
    case("response 204", "response append free", request(target="/be"), reply_always(b"HTTP/1.1 204 No Content\r\n\r\n")),
    case("response 304", "response append free", request(target="/be"), reply_always(
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n")),
    case("response to HEAD", "response append free", request("HEAD", "/be"), method="HEAD"),
    case("append to a request", "request wait append free"),
    case("prepend to a request", "request wait prepend free"),
    case("replace a request", "request wait replace free"),
    case("replace a request with the largest length", "request wait max free"),
    case("replace a request in the middle", "request wait middle free"),
    case("replace the front of a request", "request wait front free"),
    case("drop a request's body", "request wait drop free"),
    case("append to a chunked request", "request wait append", CHUNKED_POST),
    case("append to a chunked request as it streams", "request append", TWO_PARTS),
    case("replace a chunked request as it streams", "request replace", TWO_PARTS),
    case("append to a response", "response wait append free", request(target="/be")),
    case("prepend to a response", "response wait prepend free", request(target="/be")),
    case("replace a response", "response wait replace free", request(target="/be")),
    case("replace a response by one of the same length", "response wait same", request(target="/be")),
    case("replace a response in the middle", "response wait middle free", request(target="/be")),
    case("drop a response's body", "response wait drop free", request(target="/be")),
    case("append to a response as it streams", "response append free", STREAMED, PARTS),
    case("replace a response as it streams", "response replace free", STREAMED, PARTS),
    case("wait for all of a response that comes in parts", "response wait look", STREAMED, PARTS),
    case("wait for all of a close-delimited response", "response wait append", request(target="/be"), reply_then_close(
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end")),
    case("replace a long request", "request wait replace free", BIG, undefined=("logs", "trace")),
    case("replace a long response", "response wait replace free", request(target="/be"), reply_always(
        response(body=noise(LONG))), undefined=("logs", "trace")),
    case("two exchanges on a connection", "response wait append free", twice(request(target="/be"))),
]

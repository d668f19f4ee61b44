"""Headers that routes, virtual hosts and route configurations add, replace and remove."""
from harness import reply_always, request, response
from runner import Case

FIELDS = [("X-Old", "1"), ("X-Twice", "a"), ("X-Twice", "b"), ("X-Here", "1"), ("x-gone", "1"), ("User-Agent", "agent"),
          ("accept", "a"), ("x-last", "1")]
ANSWER = reply_always(response(headers=[("X-R-Old", "1"), ("x-r-old", "2"), ("x-r-gone", "1"), ("vary", "a"), ("x-r-last", "1")],
                               body=b"ok"))


def case(name, send, upstream=None, **extra):
    return Case("mutations: " + name, "mutations:mutating", send, upstream, **extra)


CASES = [
    case("of a request and a response", request(target="/x", headers=FIELDS), ANSWER),
    case("of messages without any of it", request(target="/x"), reply_always(response(body=b"ok"))),
    case("of a post", request("POST", "/x", [*FIELDS, ("content-length", "2")], b"hi"), ANSWER),
    case("of a response to HEAD", request("HEAD", "/x", FIELDS), ANSWER, method="HEAD"),
    case("of a direct response", request(target="/direct")),
    case("of a redirect", request(target="/moved")),
    case("of an empty direct response", request(target="/empty")),
    case("of an answer for a dead upstream", request(target="/dead")),
    case("of an answer to a broken body", request(
        "POST", "/x", [("transfer-encoding", "chunked")], b"zz\r\n"), ANSWER),
    case("of an answer to a bad request", b"GET /x HTTP/1.1\r\n\r\n"),
]

"""Trailers, where a configuration lets them through: both ways, one way, and messages that have none."""
from harness import reply_always, request, response
from runner import Case, Read

FIELDS = b"X-T: value \r\nT: 2\r\nx-t: again\r\nEmpty:\r\n"
LAST = b"3\r\nabc\r\n0\r\n" + FIELDS + b"\r\n"
POST = request("POST", "/be", [("transfer-encoding", "chunked")], LAST)
ANSWER = reply_always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + LAST)
EXCHANGES = {
    "of both messages": (POST, ANSWER),
    "of both messages, byte by byte": ([bytes([byte]) for byte in POST] + [Read()], ANSWER),
    "of both messages, announced": (
        request("POST", "/be", [("te", "trailers"), ("trailer", "X-T"), ("transfer-encoding", "chunked")], LAST),
        reply_always(b"HTTP/1.1 200 OK\r\ntrailer: X-T\r\ntransfer-encoding: chunked\r\n\r\n" + LAST)),
    "without a body": (
        request("POST", "/be", [("transfer-encoding", "chunked")], b"0\r\n" + FIELDS + b"\r\n"),
        reply_always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + FIELDS + b"\r\n")),
    "of a response": (request(target="/be"), ANSWER),
    "of a request": (POST, reply_always(response(body=b"hello"))),
    "of none": (
        request("POST", "/be", [("transfer-encoding", "chunked")], b"3\r\nabc\r\n0\r\n\r\n"),
        reply_always(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")),
    "of a request that is answered here": (POST.replace(b"/be", b"/direct"), None),
    "twice on one connection": ([POST * 2, Read(), Read()], ANSWER),
}

CASES = [
    Case(f"trailers, {listener}: {name}", f"trailers:{listener}", send, script, log=True, fate="none")
    for listener in ("both", "downstream", "upstream")
    for name, (send, script) in EXCHANGES.items()
]

"""Both ends of the faulty proxy: clients that take nothing but the right answer, upstreams that know what they were sent.

Each request has a number of its own in its target and each answer repeats it, so that an answer in the wrong place shows.
"""
import collections
import socket
import time
import zlib

from harness import Closed, ScriptedUpstream, Timeout, Wire, noise, request, response

PATIENCE = 30.0  # After which a client that was told nothing calls it a hang.
BIG = noise(300_000)
tally = collections.Counter()  # What clients got: right answers, errors, cut ones.
ERRORS = {
    408: (b"request timeout", b"request header timeout", b"stream timeout"),
    502: (b"upstream connect error",),
    503: (b"upstream connect error",),
    504: (b"upstream request timeout", b"stream timeout", b"upstream connect error"),
}


class Wrong(AssertionError):
    """An answer that a client could take for the right one, or a second one."""


def body_for(method, target, body):
    text = b"%s %s %d %08x\n" % (method.encode(), target.encode(), len(body), zlib.crc32(body))
    return text + BIG if target.startswith("/big/") else text


def answer(connection, message, count):
    """Answers one request as its target says; False = that was the last on this connection."""
    kind = message.target.split("/")[1]
    body = body_for(message.method, message.target, message.body)
    if kind == "stale" and count > 1:
        return False
    if kind == "chunked":
        connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for part in (body[:5], body[5:]):
            connection.send(b"%x\r\n%s\r\n" % (len(part), part))
        connection.send(b"0\r\n\r\n")
    elif kind == "close":
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + body[:5])
        connection.send(body[5:])
        return False
    elif kind == "interim":
        connection.send(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + response(body=body))
    elif message.method == "HEAD":
        connection.send(response(body=body)[: -len(body)])
    else:
        connection.send(response(body=body), PATIENCE)
    return True


def serve(connection):
    count = 0
    while (message := connection.next_request()) is not None:
        count += 1
        if not answer(connection, message, count):
            return


def echo(connection):
    """Sends back what comes, and the end after the end; records what came before a FIN."""
    got = 0
    while connection.fill(time.monotonic() + PATIENCE):
        got += len(connection.buffer)
        connection.send(connection.buffer)
        connection.buffer = b""
    if connection.was_reset:
        return connection.reset()
    connection.owner.record(got)


def open_connections(upstream):
    with upstream.lock:
        return sum(connection.thread.is_alive() for connection in upstream.connections)


class Client(Wire):
    """One connection to the proxy. After ask() has returned False nothing more may come on it."""

    def __init__(self, sock):
        super().__init__(sock, "client")
        self.going = True
        self.last = None

    def __exit__(self, *_):
        try:
            if self.going:
                self.sock.setblocking(False)
                self.expect_nothing(self.sock.recv(100))
        except OSError:
            pass  # Nothing, or the proxy has closed by now: both as they should be.
        finally:
            self.close()

    @staticmethod
    def expect_nothing(data):
        if data:
            raise Wrong(f"bytes behind the last answer: {data!r}")

    def take(self, method, target, body, expected=None, may_end=False):
        """Reads an answer to this request: the right one, an error, or visibly less than one. `may_end`: its body is
        delimited by a close that may come early."""
        expected = body_for(method, target, body) if expected is None else expected
        try:
            reply = self.read_response(method, PATIENCE, partial=True)
            while reply.status == 100:
                reply = self.read_response(method, PATIENCE, partial=True)
        except Closed:
            return self.cut()
        if not reply.complete or (reply.framing == "close" and self.was_reset):
            return self.cut()
        expected = b"" if method == "HEAD" else expected
        right = reply.status == 200 and (reply.body == expected or may_end and expected.startswith(reply.body))
        error = reply.status in ERRORS and (method == "HEAD" or reply.body.startswith(ERRORS[reply.status]))
        if not right and not error:
            raise Wrong(f"{method} {target}: {reply} {reply.body[:200]!r}")
        tally["right" if right else "error"] += 1
        self.last = reply
        if reply.framing == "close" or reply.get("connection") == "close":
            return self.end()
        return True

    def cut(self):
        tally["cut"] += 1
        return self.end()

    def end(self):
        """The proxy closes, and has nothing more to say."""
        self.going = False
        self.expect_nothing(self.buffer)
        self.buffer = b""
        while self.fill(time.monotonic() + PATIENCE):
            self.expect_nothing(self.buffer)
        return False


def connect(port, receive_buffer=None):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", port))
    return Client(sock)


__all__ = ["Client", "Closed", "PATIENCE", "ScriptedUpstream", "Timeout", "Wrong", "body_for", "connect", "echo",
           "open_connections", "request", "serve"]

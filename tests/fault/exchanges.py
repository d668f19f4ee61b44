"""The exchanges in which each I/O fails once. Each is a function of the daemon; it checks all that its client sees."""
import time

import peers

UPLOAD = bytes(range(256)) * 16  # 4 KiB
SIZED = [("content-length", len(UPLOAD))]
CHUNKED = [("transfer-encoding", "chunked")]
CHUNKS = [b"a\r\n" + UPLOAD[:10] + b"\r\n", b"%x\r\n" % (len(UPLOAD) - 10) + UPLOAD[10:] + b"\r\n", b"0\r\n\r\n"]


def get_twice(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "plain"):
            daemon.ask(client, "plain")


def post(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "plain", "POST", UPLOAD, SIZED):
            daemon.ask(client, "plain")


def chunked_upload(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "plain", "POST", UPLOAD, CHUNKED, pieces=CHUNKS):
            daemon.ask(client, "plain")


def chunked_response(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "chunked"):
            daemon.ask(client, "chunked")


def big_response(daemon):
    """To a client whose buffers are full for a while."""
    with peers.connect(daemon.port, receive_buffer=4096) as client:
        daemon.ask(client, "big")


def held(daemon, port=None):
    with peers.connect(port or daemon.held_port) as client:
        if daemon.ask(client, "chunked") and client.last.status == 200:
            assert client.last.get_all("total-dispatched") == ["3"], client.last


def held_by_a_group(daemon):
    """Its side requests are pipelined."""
    held(daemon, daemon.grouped_port)


def local_replies(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "direct", expected=b"direct"):
            daemon.ask(client, "direct", "POST", UPLOAD, SIZED, expected=b"direct")


def head(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "plain", "HEAD"):
            daemon.ask(client, "plain")


def until_close(daemon):
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "close"):
            daemon.ask(client, "plain")


def until_close_both_ways(daemon):
    """To a client of HTTP/1.0, for whom only a reset says that a body is not whole."""
    with peers.connect(daemon.port) as client:
        daemon.ask(client, "close", version="HTTP/1.0")


def stale(daemon):
    """The pooled connection is closed instead of an answer: one repetition on a new one."""
    with peers.connect(daemon.port) as client:
        if daemon.ask(client, "plain"):
            daemon.ask(client, "stale")


def pipelined(daemon):
    with peers.connect(daemon.port) as client:
        targets = [daemon.target("plain"), daemon.target("interim")]
        for target in targets:
            daemon.asked[target] = ("GET", b"")
        daemon.send(client, [b"".join(peers.request(target=target) for target in targets)])
        if client.take("GET", targets[0], b""):
            client.take("GET", targets[1], b"")


def expect_continue(daemon):
    """The client sends its body when it is told to, or when it has been told nothing for a while."""
    with peers.connect(daemon.port) as client:
        target = daemon.target("plain")
        daemon.asked[target] = None
        head = peers.request("POST", target, [*SIZED, ("expect", "100-continue")])
        if daemon.send(client, [head]):
            client.fill(time.monotonic() + peers.PATIENCE)
            if daemon.send(client, [UPLOAD]):
                daemon.asked[target] = ("POST", UPLOAD)
        client.take("POST", target, UPLOAD)


def tcp_session(daemon):
    """Echoed to the last byte, or cut so that it shows: by a reset, or before the first byte."""
    with peers.connect(daemon.tcp_port) as client:
        got = b""
        if daemon.send(client, [UPLOAD]):
            while len(got) < len(UPLOAD) and client.fill(time.monotonic() + peers.PATIENCE):
                got, client.buffer = got + client.buffer, b""
            try:
                client.half_close()
            except OSError:
                pass  # The proxy was faster.
        client.end()
    assert got == UPLOAD[: len(got)]
    if not client.was_reset:
        assert got in (UPLOAD, b""), f"a FIN after {len(got)} of {len(UPLOAD)} bytes"
    assert set(daemon.echo.requests) <= {0, len(UPLOAD)}, "a FIN told the upstream that this was all"


EXCHANGES = [get_twice, post, chunked_upload, chunked_response, big_response, held, held_by_a_group, local_replies, head, until_close,
             until_close_both_ways, stale, pipelined, expect_continue, tcp_session]

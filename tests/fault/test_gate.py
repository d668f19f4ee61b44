"""A gate between the proxy and its peers: every message ends, or is left, at every byte; none may look whole then."""
import contextlib

import exchanges
import peers
import pytest
from daemon import Daemon
from gate import Gate
from harness import chunked, never, wait_until

CHECK_EVERY = 24  # Cuts between two looks at the gauges.
CUT_RESPONSES = [  # What the upstream sends, and to whom it goes.
    ("plain", "main", "1.1"), ("chunked", "main", "1.1"), ("close", "main", "1.1"), ("interim", "main", "1.1"),
    ("chunked", "main", "1.0"), ("close", "main", "1.0"), ("plain", "held", "1.1"), ("chunked", "held", "1.1"),
]
UPLOAD = b"0123456789abcdef"
REQUESTS = {
    "get": ("GET", [], b"", b""),
    "sized": ("POST", [("content-length", len(UPLOAD))], UPLOAD, UPLOAD),
    "chunked": ("POST", [("transfer-encoding", "chunked")], chunked(UPLOAD[:3], UPLOAD[3:]), UPLOAD),
    "expect": ("PUT", [("content-length", len(UPLOAD)), ("expect", "100-continue")], UPLOAD, UPLOAD),
}
LISTENERS = {"main": "port", "held": "held_port"}


@pytest.fixture(scope="module")
def running(holdfast, tmp_path_factory, workers):
    daemon = Daemon(holdfast, tmp_path_factory.mktemp("gate"), workers)
    yield daemon
    daemon.stop()


@pytest.fixture
def daemon(running):
    """Each test leaves it as it was, or fails."""
    yield running
    running.gate.set()
    running.scripts["side"] = peers.serve
    running.empty_pools()
    running.follow_up()
    running.checkpoint()


def each_byte(daemon, size, sample):
    """0 ... size (fewer for a sample), with a look at the gauges now and then."""
    for count, byte in enumerate(range(0, size + 1, 7 if sample else 1)):
        if count % CHECK_EVERY == CHECK_EVERY - 1:
            daemon.checkpoint()
        yield byte


@pytest.mark.parametrize("how", ["fin", "reset", "fin-reset"])
@pytest.mark.parametrize("kind, where, version", CUT_RESPONSES)
def test_upstream_cut_at_every_byte(daemon, threads_watched, kind, where, version, how):
    """A FIN is the right end of a body without a length, wherever it comes; a reset never is."""
    for byte in each_byte(daemon, daemon.size_of(kind), threads_watched):
        daemon.gate.set(back=[(byte, how)])
        with peers.connect(getattr(daemon, LISTENERS[where])) as client:
            daemon.ask(client, kind, version=f"HTTP/{version}", may_end=kind == "close" and how != "reset")


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("where", LISTENERS)
@pytest.mark.parametrize("name", REQUESTS)
def test_client_leaves_at_every_byte_of_a_request(daemon, threads_watched, name, where, how):
    """The upstream never sees a whole request that its client did not send whole."""
    method, headers, bytes_of_body, body = REQUESTS[name]
    size = len(peers.request(method, daemon.target("plain"), headers) + bytes_of_body)
    for byte in each_byte(daemon, size, threads_watched):
        target = daemon.target("plain")
        daemon.asked[target] = (method, body) if byte == size else None
        with peers.connect(getattr(daemon, LISTENERS[where])) as client:
            daemon.send(client, [(peers.request(method, target, headers) + bytes_of_body)[:byte]])
            if how == "reset":
                client.reset()
                continue
            client.half_close()
            client.take(method, target, body)
            assert byte == size or client.last is None or client.last.status != 200, client.last


@pytest.mark.parametrize("how", ["fin", "reset", "both reset"])
@pytest.mark.parametrize("kind, where, version", CUT_RESPONSES)
def test_client_leaves_at_every_byte_of_a_response(daemon, threads_watched, kind, where, version, how):
    """Also while it is held: its side requests get no answer before the client has gone."""
    size = daemon.size_of(kind)
    daemon.scripts["side"] = never
    daemon.empty_pools()
    gone = "http.ingress_http.downstream_cx_active"
    for byte in each_byte(daemon, size - 1, threads_watched):
        plan = daemon.gate.set(back=[(byte, "hold"), *([(byte, "reset")] if how == "both reset" else [])])
        target = daemon.target(kind)
        daemon.asked[target] = ("GET", b"")
        with peers.connect(getattr(daemon, LISTENERS[where])) as client:
            client.send(peers.request(target=target, version=f"HTTP/{version}"))
            wait_until(lambda: any(seen.target == target for seen in daemon.be.requests), peers.PATIENCE, "it arrives")
            assert plan.reached.wait(peers.PATIENCE), f"the answer has no byte {byte}"
            if how == "fin":
                client.half_close()
                client.take("GET", target, b"")
            else:
                client.reset()
        if how == "both reset":
            daemon.gate.tell()
        wait_until(lambda: plan.left.is_set() or daemon.proxy.stat(gone) == 0, peers.PATIENCE, "noticed")
        daemon.gate.tell()


@pytest.mark.parametrize("exchange", [each for each in exchanges.EXCHANGES if each is not exchanges.big_response],
                         ids=lambda exchange: exchange.__name__)
def test_byte_by_byte_in_all_four_directions(daemon, monkeypatch, exchange):
    """Slow is not wrong: each answer is the right one."""
    slow = {"forward": [(0, "dribble")], "back": [(0, "dribble")]}
    daemon.gate.set(**slow)
    peers.tally.clear()
    with contextlib.ExitStack() as stack:
        for name in ("port", "held_port", "tcp_port"):
            front = stack.enter_context(Gate(getattr(daemon, name)))
            front.set(**slow)
            monkeypatch.setattr(daemon, name, front.port)
        exchange(daemon)
        daemon.settled()
    monkeypatch.undo()
    assert peers.tally["right"] > 0 or exchange is exchanges.tcp_session
    assert not peers.tally["error"] and not peers.tally["cut"], peers.tally

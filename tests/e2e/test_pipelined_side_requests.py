"""max_pipelined: side requests of one response back to back on one connection, and what happens when that ends early."""
import random
import signal
import threading
import time

import pytest
from harness import (
    Wire,
    cluster,
    dispatch,
    never,
    reply_always,
    request,
    response,
    wait_until,
)
from scene import Setup, held_until_told

OK = response(body=b"side")
LAST = response(headers=[("connection", "close")], body=b"side")
OLD = b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nside"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nside"


def pipelined(count, most, **extra):
    return dispatch("side", count, max_pipelined=most, on_failure="mark", **extra)


def on_first(data, reset=False):
    """The first connection reads all, sends these bytes and ends; the others answer as they should."""

    def script(connection):
        if connection.number > 1:
            return reply_always(OK)(connection)
        connection.next_request()
        if reset:
            return connection.reset()
        connection.send(data)
        while connection.next_request(timeout=0.01) is not None:  # So that the end is a FIN, not a reset.
            pass
        return None

    return script


def failed(reply):
    assert (reply.status, reply.get("total-dispatched")) == (200, "3"), reply
    return int(reply.get("x-dispatch-failed", 0))


def test_one_connection_and_one_write(start, be, side):
    """All requests of a response come in one piece; the connection goes back to the pool each time."""
    pieces = []

    def script(connection):
        while connection.fill(time.monotonic() + 30):
            pieces.append(connection.buffer.count(b"\r\n\r\n"))
            while connection.buffer:
                connection.next_request()
                connection.send(OK)

    side.settle(script)
    setup = Setup(start, be, side, pipelined(3, 3))
    for _ in range(20):
        assert failed(setup.ask()) == 0
    assert pieces == [3] * 20
    assert len(side.connections) == 1
    assert len({message.raw_head for message in side.requests}) == 1
    stats = setup.proxy.stats("cluster.side.")
    assert stats["cluster.side.upstream_rq_total"] == stats["cluster.side.upstream_rq_completed"] == 60
    assert stats["cluster.side.upstream_cx_total"] == stats["cluster.side.upstream_rq_pending_total"] - 2 == 1
    assert (setup.dispatch_stat("calls_pipelined"), setup.dispatch_stat("calls_resent")) == (60, 0)
    setup.settled()


def test_default_is_a_connection_each(start, be, side):
    side.settle(held_until_told)
    setup = Setup(start, be, side, dispatch("side", 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
        assert len(side.connections) == 3
        side.tell()
        assert failed(wire.read_response()) == 0
    assert setup.dispatch_stat("calls_pipelined") == 0


def test_more_than_one_group(start, be, side):
    """Ten, four at once: 4 + 4 + 2 on three connections."""
    side.settle(held_until_told)
    setup = Setup(start, be, side, pipelined(10, 4))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_connections(3)
        side.tell()
        assert wire.read_response().get("total-dispatched") == "10"
    assert sorted(sum(m.connection == n for m in side.requests) for n in (1, 2, 3)) == [2, 4, 4]


@pytest.mark.parametrize("data, answered", [
    (OK, 1),
    (OK + OK, 2),
    (LAST, 1),
    (OK + LAST, 2),
    (OLD, 1),
    (UNTIL_CLOSE, 1),
    (OK + UNTIL_CLOSE, 2),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 1),
    (b"", 0),
])
def test_closed_before_the_last_answer(start, be, side, data, answered):
    """What has no answer is asked again, each on a connection of its own; nobody notices. Nor is it tried again soon."""
    side.settle(on_first(data))
    setup = Setup(start, be, side, pipelined(3, 3))
    assert failed(setup.ask()) == 0
    assert setup.dispatch_stat("calls_resent") == 3 - answered
    assert len(side.connections) == 1 + 3 - answered
    assert failed(setup.ask()) == 0
    assert setup.dispatch_stat("calls_pipelined") == 3, "not again for a while"
    assert setup.proxy.stat("cluster.side.upstream_rq_200") == 6
    setup.settled()


def test_reset_before_any_answer(start, be, side):
    side.settle(on_first(b"", reset=True))
    setup = Setup(start, be, side, pipelined(3, 3))
    assert failed(setup.ask()) == 0
    assert setup.dispatch_stat("calls_resent") == 3
    setup.settled()


@pytest.mark.parametrize("data", [OK + OK[:-2], OK + OK[:20], OK + b"SSH-2.0-OpenSSH\r\n\r\n", OK + b"\0"])
def test_an_answer_that_breaks_off_is_a_failure(start, be, side, data):
    """As without pipelining; the one behind it is asked again."""
    side.settle(on_first(data))
    setup = Setup(start, be, side, pipelined(3, 3))
    assert failed(setup.ask()) == 1
    assert setup.dispatch_stat("calls_resent") == 1
    setup.settled()


def test_bytes_behind_the_last_answer(start, be, side):
    """As without pipelining: which answer is the right one, is open; the connection is not used again."""
    side.settle(lambda c: (c.next_request(), c.send(OK + OK + OK + b"H"), c.wait_told()))
    setup = Setup(start, be, side, pipelined(3, 3))
    assert failed(setup.ask()) == 1
    assert setup.proxy.stat("cluster.side.upstream_cx_protocol_error") == 1
    wait_until(lambda: setup.proxy.stat("cluster.side.upstream_cx_active") == 0, 10, "closed")
    side.tell()
    setup.settled()


def test_an_announced_last_request_is_no_reason_to_stop(start, be, side):
    """A server that ends each connection after so many requests, as most do."""

    def script(connection):
        for answered in range(1, 8):
            if connection.next_request() is None:
                return
            connection.send(LAST if answered == 7 else OK)

    side.settle(script)
    setup = Setup(start, be, side, pipelined(3, 3))
    for _ in range(14):
        assert failed(setup.ask()) == 0
    assert setup.dispatch_stat("calls_pipelined") > 30
    assert setup.dispatch_stat("calls_resent") > 0
    setup.settled()


def test_one_answer_after_the_other(start, be, side):
    """Held until the last one, which comes byte by byte."""

    def script(connection):
        for _ in range(3):
            connection.next_request()
        connection.send(OK + OK)
        connection.wait_told()
        for byte in OK:
            connection.send(bytes([byte]))
        reply_always(OK)(connection)

    side.settle(script)
    setup = Setup(start, be, side, pipelined(3, 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
        wait_until(lambda: setup.dispatch_stat("calls_ok") == 2, 10, "two answers")
        assert setup.dispatch_stat("holds_active") == 1
        side.tell()
        assert failed(wire.read_response()) == 0
    assert failed(setup.ask()) == 0
    assert len(side.connections) == 1


@pytest.mark.parametrize("data, late", [(b"", 3), (OK, 2), (OK + OK + OK[:-1], 1)])
def test_timeout(start, be, side, data, late):
    """One timeout for all of them: they left together. The connection is closed."""

    def script(connection):
        connection.next_request()
        connection.send(data)
        connection.read_to_eof(30)

    side.settle(script)
    setup = Setup(start, be, side, pipelined(3, 3, timeout="1s"))
    assert failed(setup.ask()) == late
    assert setup.dispatch_stat("calls_timeout") == setup.proxy.stat("cluster.side.upstream_rq_timeout") == late
    assert setup.proxy.stat("cluster.side.upstream_rq_504") == late
    setup.settled()
    wait_until(lambda: setup.proxy.stat("cluster.side.upstream_cx_active") == 0, 10, "closed")


def test_what_is_asked_again_has_the_rest_of_the_time(start, be, side):
    side.settle(lambda c: (c.next_request(), c.wait_told(1 if c.number == 1 else 30)))
    setup = Setup(start, be, side, pipelined(3, 3, timeout="2s"))
    begun = time.monotonic()
    assert failed(setup.ask()) == 3
    assert 1.9 < time.monotonic() - begun < 2.9
    assert setup.dispatch_stat("calls_resent") == 3
    side.tell()
    setup.settled()


def test_max_hold(start, be, side):
    side.settle(lambda c: (c.next_request(), c.send(OK), c.read_to_eof(30)))
    setup = Setup(start, be, side, pipelined(3, 3, max_hold="1s"))
    assert failed(setup.ask()) == 2
    setup.settled()
    assert setup.ask().get("total-dispatched") == "3"
    assert setup.dispatch_stat("calls_pipelined") == 3, "an upstream that drops what it was sent too early"


def test_client_leaves(start, be, side):
    """The connection has answers on the way: it must never be used again."""

    def script(connection):
        connection.next_request()
        connection.send(OK)
        connection.read_to_eof(30)

    side.settle(script)
    setup = Setup(start, be, side, pipelined(3, 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(1)
        wait_until(lambda: setup.dispatch_stat("calls_ok") == 1, 10, "an answer")
        wire.reset()
    setup.settled()
    assert setup.dispatch_stat("calls_cancelled") == 2
    wait_until(lambda: setup.proxy.stat("cluster.side.upstream_cx_active") == 0, 10, "closed")
    side.settle(reply_always(OK))
    before = setup.dispatch_stat("calls_pipelined")
    assert failed(setup.ask()) == 0
    assert setup.dispatch_stat("calls_pipelined") == before + 3, "a client that leaves says nothing against the host"


@pytest.mark.parametrize("limit, overflow", [("max_requests", 1), ("max_pending_requests", 1)])
def test_circuit_breakers_count_requests(start, be, side, limit, overflow):
    thresholds = {"max_connections": 10, "max_requests": 10, "max_pending_requests": 10, limit: 2}
    setup = Setup(start, be, side, pipelined(3, 3), side_cluster=cluster(
        "side", side.port, circuit_breakers={"thresholds": [thresholds]}))
    assert failed(setup.ask()) == overflow
    assert setup.proxy.stat("cluster.side.upstream_rq_pending_overflow") == overflow
    assert len(side.requests) == 2
    setup.settled()
    # The connection is there now. The third may wait for one, and may then find that the two have ended.
    assert failed(setup.ask()) <= (1 if limit == "max_requests" else 0)
    setup.settled()


def test_one_connection_is_enough(start, be, side):
    setup = Setup(start, be, side, pipelined(10, 5), side_cluster=cluster(
        "side", side.port, circuit_breakers={"thresholds": [{"max_connections": 1}]}))
    for _ in range(5):
        assert setup.ask().get("x-dispatch-failed") is None
    assert len(side.connections) == 1
    assert len(side.requests) == 50


def test_max_requests_per_connection(start, be, side):
    setup = Setup(start, be, side, pipelined(3, 3), side_cluster=cluster(
        "side", side.port, max_requests_per_connection=4))
    for _ in range(12):
        assert failed(setup.ask()) == 0
    assert len(side.requests) == 36
    assert max(sum(m.connection == c.number for m in side.requests) for c in side.connections) <= 4
    assert setup.dispatch_stat("calls_resent") == 0
    setup.settled()


def test_max_in_flight(start, be, side):
    setup = Setup(start, be, side, pipelined(5, 5, max_in_flight=2))
    reply = setup.ask()
    assert (reply.get("total-dispatched"), reply.get("x-dispatch-failed")) == ("5", "3")
    assert len(side.requests) == 2


def test_no_endpoint_answers(start, be, side):
    """Connection refused: all of them have failed, as each alone would."""
    setup = Setup(start, be, side, pipelined(3, 3))
    side.stop()
    assert failed(setup.ask()) == 3
    assert setup.dispatch_stat("calls_failed") == 3
    assert setup.proxy.stat("cluster.side.upstream_rq_pending_failure_eject") == 3
    setup.settled()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT"])
def test_methods(start, be, side, method):
    side.settle(reply_always(response(headers=[("x-a", "1")], body=b"side")))
    setup = Setup(start, be, side, pipelined(3, 3, method=method))
    for _ in range(3):
        assert failed(setup.ask()) == 0
    assert {m.method for m in side.requests} == {method}
    assert len(side.connections) == 1


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK,
    b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + OK,
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nside\r\n0\r\nx-t: 1\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    response(body=b"z" * 3_000_000),
], ids=["103", "100s", "chunked", "204", "big"])
def test_answers_of_all_kinds(start, be, side, answer):
    side.settle(reply_always(answer))
    setup = Setup(start, be, side, pipelined(3, 3))
    for _ in range(3):
        assert failed(setup.ask()) == 0
    assert len(side.connections) == 1
    setup.settled()


def test_every_cut_of_the_answers(start, be, side):
    """Wherever the reads end."""
    answers = OK + b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nside\r\n0\r\n\r\n" + OK
    cuts = iter(range(1, len(answers)))

    def script(connection):
        for cut in cuts:
            for _ in range(3):
                if connection.next_request() is None:
                    return
            connection.send(answers[:cut])
            connection.send(answers[cut:])

    side.settle(script)
    setup = Setup(start, be, side, pipelined(3, 3))
    with Wire.connect(setup.port) as wire:
        for _ in range(len(answers) - 1):
            wire.send(request())
            assert failed(wire.read_response()) == 0
    assert len(side.connections) == 1


def test_drain_waits_for_them(start, be, side):
    side.settle(held_until_told)
    setup = Setup(start, be, side, pipelined(3, 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(1)
        setup.proxy.signal(signal.SIGTERM)
        side.tell()
        assert failed(wire.read_response()) == 0
    assert setup.proxy.wait() == 0


def ends_anywhere(ends):
    """Answers one whole group (else it would be the last one for a while); from then on ends anywhere but within an
    answer, in one of these ways. Only with `reset` also before it has answered anything, which twice in a row is a
    failure of a request that is alone."""
    dice = random.Random(7)
    lasts = (0, 1, 2, 3, 5, 8, 99) if "reset" in ends else (1, 2, 3, 5, 8, 99)

    def script(connection):
        proven = False
        while connection.fill(time.monotonic() + 30):
            asked = connection.buffer.count(b"\r\n\r\n")
            last = dice.choice(lasts) if proven else 99
            end = dice.choice(ends)
            for answered in range(min(asked, last)):
                connection.next_request()
                ending = {"announce": LAST, "old": OLD}.get(end, OK)
                connection.send(ending if answered + 1 == last else OK)
            if asked > last or (asked == last and end in ("announce", "old")):
                return connection.reset() if end == "reset" else None
            proven = proven or asked > 1
        return None

    return script


@pytest.mark.parametrize("concurrency, ends", [(1, ("close", "announce", "old")), (2, ("close", "announce", "old")),
                                               (2, ("close", "reset"))])
def test_ends_at_random_places(start, be, side, concurrency, ends):
    """1,000 holds of ten each: none waits for ever, and none has a failure unless answers are lost with a reset."""
    side.settle(ends_anywhere(ends))
    filters = [pipelined(10, most, header_name=f"x-total-{most}") for most in range(1, 11)]
    setup = Setup(start, be, side, *filters, concurrency=concurrency, side_cluster=cluster(
        "side", side.port, circuit_breakers={"thresholds": [{"max_retries": 1000}]}))
    wrong = []

    def client():
        with Wire.connect(setup.port) as wire:
            for _ in range(25):
                wire.send(request())
                reply = wire.read_response(timeout=60)
                whole = all(reply.get(f"x-total-{most}") == "10" for most in range(1, 11))
                if not whole or ("reset" not in ends and reply.get("x-dispatch-failed")):
                    wrong.append(reply)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(300)
    assert wrong == []
    assert setup.dispatch_stat("calls_ok") + setup.dispatch_stat("calls_failed") == 4 * 25 * 10 * 10
    assert setup.dispatch_stat("calls_resent") > 500
    assert setup.dispatch_stat("calls_pipelined") > 8000, "nine filters of ten do"
    setup.settled()


def test_waiting_and_never_answered(start, be, side):
    """A group that waits in line for a connection is cancelled with its client."""
    side.settle(never)
    setup = Setup(start, be, side, pipelined(4, 2), side_cluster=cluster(
        "side", side.port, circuit_breakers={"thresholds": [{"max_connections": 1}]}))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(1)
        assert setup.proxy.stat("cluster.side.upstream_rq_pending_active") == 2
        wire.reset()
    setup.settled()
    assert setup.proxy.stat("cluster.side.upstream_rq_cancelled") == 2
    assert setup.proxy.stat("cluster.side.upstream_rq_pending_active") == 0

"""The dispatch filter's own settings, beyond the original's."""
import pytest
from harness import (
    ScriptedUpstream,
    Wire,
    cluster,
    dispatch,
    free_port,
    listener,
    never,
    reply_always,
    reply_then_close,
    request,
    response,
    route,
    wait_until,
)
from scene import Setup, held_until_told


def one_bad(connection):
    """The second connection closes without a word, the others answer."""
    if connection.number == 2:
        connection.next_request()
        return
    while connection.next_request() is not None:
        connection.send(response(body=b"side"))


def test_on_failure_count_is_the_default(start, be, side):
    side.settle(one_bad)
    reply = Setup(start, be, side, dispatch("side", 3)).ask()
    assert (reply.status, reply.get("total-dispatched"), reply.get("x-dispatch-failed")) == (200, "3", None)


def test_on_failure_mark(start, be, side):
    side.settle(one_bad)
    setup = Setup(start, be, side, dispatch("side", 3, on_failure="mark"))
    reply = setup.ask()
    assert (reply.status, reply.get("total-dispatched"), reply.get("x-dispatch-failed")) == (200, "3", "1")
    assert reply.body == b"hello\n"
    side.settle(reply_always())
    assert setup.ask().get("x-dispatch-failed") is None


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_on_failure_error(start, be, side, method):
    side.settle(one_bad)
    be.settle(reply_always(response(headers=[("x-secret", "1")], body=b"x" * 100000)))
    setup = Setup(start, be, side, dispatch("side", 3, on_failure="error"))
    with Wire.connect(setup.port) as wire:
        wire.send(request(method))
        reply = wire.read_response(method)
        assert reply.status == 502
        assert reply.get("x-secret") is None and b"xxx" not in reply.body
        side.settle(reply_always())
        be.settle(reply_always(response(body=b"fine")))
        if reply.get("connection") != "close":
            wire.send(request())
            assert wire.read_response().body == b"fine"
    setup.settled()


def test_server_error_of_a_call_is_a_failure(start, be, side):
    side.settle(reply_always(response(503, reason="SU")))
    reply = Setup(start, be, side, dispatch("side", 2, on_failure="mark")).ask()
    assert reply.get("x-dispatch-failed") == "2"


def test_client_error_of_a_call_is_an_answer(start, be, side):
    side.settle(reply_always(response(404, reason="NF")))
    reply = Setup(start, be, side, dispatch("side", 2, on_failure="mark")).ask()
    assert (reply.get("total-dispatched"), reply.get("x-dispatch-failed")) == ("2", None)


@pytest.mark.parametrize("on_failure, status, mark", [("count", 200, None), ("mark", 200, "2"), ("error", 502, "2")])
def test_max_hold(start, be, side, on_failure, status, mark):
    """One of three answers; then the time is up: what is still out has failed, and its connections are closed."""

    def script(connection):
        if connection.next_request() is not None and connection.number == 1:
            connection.send(response())
        connection.next_request()

    side.settle(script)
    setup = Setup(start, be, side, dispatch("side", 3, on_failure=on_failure, max_hold="0.3s"))
    reply = setup.ask(timeout=5)
    assert (reply.status, reply.get("x-dispatch-failed")) == (status, mark)
    assert setup.dispatch_stat("max_hold_reached") == 1
    setup.settled()
    wait_until(lambda: setup.proxy.stat("cluster.side.upstream_cx_active") == 1, 10, "late connections closed")


def test_all_settings_of_a_call(start, be, side):
    setup = Setup(start, be, side, dispatch(
        "side", 1, path="/ping?x=1", method="POST", authority="side.test", timeout="1.5s",
        headers=[{"key": "X-Token", "value": "abc"}], header_name="X-Count"))
    reply = setup.ask()
    assert (reply.get("x-count"), reply.get("total-dispatched")) == ("1", None)
    call = side.wait_requests(1)[0]
    assert call.start_line == "POST /ping?x=1 HTTP/1.1"
    assert (call.get("host"), call.get("x-token")) == ("side.test", "abc")
    assert call.get("x-envoy-expected-rq-timeout-ms") == "1500"
    assert call.get("content-length") == "0"


def test_max_in_flight(start, be, side):
    setup = Setup(start, be, side, dispatch("side", 5, max_in_flight=2, on_failure="mark"))
    reply = setup.ask()
    assert (reply.get("total-dispatched"), reply.get("x-dispatch-failed")) == ("5", "3")
    assert setup.dispatch_stat("in_flight_overflow") == 3
    assert len(side.requests) == 2
    assert setup.ask().get("x-dispatch-failed") == "3", "the two have been given back"


def test_side_connections_are_reused(start, be, side):
    setup = Setup(start, be, side, dispatch("side", 3))
    for _ in range(20):
        assert setup.ask().get("total-dispatched") == "3"
    assert len(side.requests) == 60
    assert len(side.connections) == 3


def test_largest_count(start, be, side):
    """65,535 calls, most refused by the circuit breaker, none lost from the count."""
    setup = Setup(start, be, side, dispatch("side", 65535), side_cluster=cluster(
        "side", side.port, circuit_breakers={"thresholds": [{"max_connections": 10, "max_pending_requests": 10,
                                                             "max_requests": 10}]}))
    reply = setup.ask(timeout=60)
    assert reply.get("total-dispatched") == "65535"
    assert setup.dispatch_stat("calls_total") == 65535
    assert setup.dispatch_stat("calls_ok") + setup.dispatch_stat("calls_overflow") == 65535
    setup.settled()


def test_calls_go_round_robin(start, be):
    with ScriptedUpstream() as first, ScriptedUpstream() as second:
        port = free_port()
        start([listener(port, None, [dispatch("side", 4)])],
              [cluster("be", be.port), cluster("side", first.port, second.port)])
        with Wire.connect(port) as wire:
            wire.send(request())
            assert wire.read_response().get("total-dispatched") == "4"
        assert (len(first.requests), len(second.requests)) == (2, 2)


def test_side_body_of_any_size_is_thrown_away(start, be, side):
    side.settle(reply_always(response(body=b"z" * 8_000_000)))
    setup = Setup(start, be, side, dispatch("side", 2))
    assert setup.ask().get("total-dispatched") == "2"
    assert setup.ask().get("total-dispatched") == "2"
    setup.settled()


def test_held_while_the_upstream_dies(start, be, side):
    """As Envoy: nothing had been sent, so the client gets a clean 502."""
    be.settle(lambda c: (c.next_request(), c.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"), c.wait_told()))
    side.settle(never)
    setup = Setup(start, be, side, dispatch("side", 3, max_hold="5s"))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
        be.tell()
        reply = wire.read_response()
    assert reply.status == 502
    assert b"protocol error" in reply.body
    setup.settled()


def test_client_leaves_while_the_body_of_the_response_waits(start, be, side):
    be.settle(reply_always(response(body=b"x" * 4_000_000)))
    side.settle(held_until_told)
    setup = Setup(start, be, side, dispatch("side", 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
        wire.reset()
    setup.settled()
    side.tell()


def test_pipelined_requests_are_held_one_by_one(start, be, side):
    setup = Setup(start, be, side, dispatch("side", 2))
    with Wire.connect(setup.port) as wire:
        wire.send(request(target="/1") + request("HEAD", "/2") + request("POST", "/3", [("content-length", "1")], b"x"))
        for method in ("GET", "HEAD", "POST"):
            assert wire.read_response(method).get("total-dispatched") == "2"
    assert len(side.requests) == 6


def test_two_workers(start, be, side):
    setup = Setup(start, be, side, dispatch("side", 3), concurrency=2)
    for _ in range(20):
        assert setup.ask().get("total-dispatched") == "3"
    assert setup.dispatch_stat("calls_ok") == 60
    setup.settled()


def test_stats_tell_the_results(start, be, side):
    side.settle(reply_then_close(b""))
    setup = Setup(start, be, side, dispatch("side", 2))
    setup.ask()
    text = setup.proxy.admin("/metrics")[1]
    for line in ('holdfast_dispatch_requests_total{', 'result="failed"', "holdfast_dispatch_hold_seconds_bucket",
                 "holdfast_dispatch_pending"):
        assert line in text, line


def test_route_without_timeout_needs_no_max_hold(start, be, side):
    """A hold is bounded even where the route has no timeout: by the calls' own."""
    side.settle(never)
    setup = Setup(start, be, side, dispatch("side", 1, timeout="0.3s"), routes=[route("be", timeout="0s")])
    assert setup.ask(timeout=5).get("total-dispatched") == "1"

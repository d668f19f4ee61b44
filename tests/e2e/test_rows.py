"""The rows of the table of what Envoy does with the original plugin, by number: "as Envoy", or "better, because"."""
import json
import subprocess

import pytest
from dns_server import DnsServer, dns_cluster
from harness import (
    ScriptedUpstream,
    Wire,
    bootstrap,
    chunked,
    cluster,
    direct,
    dispatch,
    free_port,
    listener,
    never,
    noise,
    readable,
    reply_always,
    reply_then_close,
    request,
    response,
    route,
    wait_until,
    wasm_null,
)
from scene import Setup, held_until_told

SPELLINGS = pytest.mark.parametrize("spelling", [dispatch, wasm_null], ids=["ours", "envoy's"])


def refused(holdfast, tmp_path, config, *args):
    """Start it with a configuration that it must refuse; (exit code, stderr)."""
    path = tmp_path / "refused.yaml"
    path.write_text(config)
    done = subprocess.run([holdfast, "-c", str(path), *args], capture_output=True, text=True, timeout=30)
    assert done.returncode == 78, (done.returncode, done.stderr)
    assert f"{path}:" in done.stderr
    return done.stderr


@SPELLINGS
def test_row_01_three_calls_in_parallel(start, be, side, spelling):
    """As Envoy: N calls at once on own connections, the response held until all are back, body intact."""
    side.settle(held_until_told)
    setup = Setup(start, be, side, spelling("side", 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        calls = side.wait_requests(3)
        assert sorted(call.connection for call in calls) == [1, 2, 3]
        assert setup.dispatch_stat("holds_active") == 1
        assert not readable(wire.sock, 0), "nothing is sent while held"
        side.tell()
        reply = wire.read_response()
    assert (reply.status, reply.body, reply.get("total-dispatched")) == (200, b"hello\n", "3")
    setup.settled()


def test_row_01_the_bytes_of_a_call(start, be, side):
    """As Envoy: `GET / HTTP/1.1`, an empty host, two x-envoy headers and nothing else."""
    setup = Setup(start, be, side, dispatch("side", 1))
    assert setup.ask().status == 200
    assert side.wait_requests(1)[0].raw_head == (
        b"GET / HTTP/1.1\r\nhost: \r\nx-envoy-internal: true\r\nx-envoy-expected-rq-timeout-ms: 50000\r\n\r\n"
    )


@SPELLINGS
def test_row_02_head(start, be, side, spelling):
    """As Envoy: the same headers, the upstream's content-length kept, no body, calls made."""
    setup = Setup(start, be, side, spelling("side", 3))
    reply = setup.ask("HEAD")
    assert (reply.get("content-length"), reply.get("total-dispatched"), reply.body) == ("6", "3", b"")
    assert len(side.wait_requests(3)) == 3
    assert be.requests[0].method == "HEAD"


@pytest.mark.parametrize("status", [404, 503, 200])
def test_row_03_local_replies(start, be, side, status):
    """As Envoy: the filter runs on local replies, too."""
    routes = [route("dead", "/503"), direct(200, "hi", "/200")]
    port = free_port()
    start([listener(port, routes, [dispatch("side", 3)])],
          [cluster("be", be.port), cluster("side", side.port), cluster("dead", free_port())])
    with Wire.connect(port) as wire:
        wire.send(request(target=f"/{status}"))
        reply = wire.read_response()
    assert (reply.status, reply.get("total-dispatched")) == (status, "3")
    assert len(side.wait_requests(3)) == 3


@SPELLINGS
def test_row_04_unknown_cluster(holdfast, tmp_path, spelling):
    """Better, because a name that can't work is told before the start, not by a crash at the first request."""
    port = free_port()
    text = bootstrap([listener(port, [direct(200)], [spelling("no_such", 3)])], [cluster("side", 1)], free_port())
    assert "no_such" in refused(holdfast, tmp_path, text)


@SPELLINGS
def test_row_05_cluster_without_endpoints(start, be, side, spelling):
    """Better, because a call that can't be made is a failed call, not a crash that stays for ever."""
    empty = {"name": "side", "type": "STATIC", "load_assignment": {"cluster_name": "side"}}
    setup = Setup(start, be, side, spelling("side", 3), side_cluster=empty)
    for _ in range(3):
        reply = setup.ask()
        assert (reply.status, reply.body, reply.get("total-dispatched")) == (200, b"hello\n", "3")
    assert setup.dispatch_stat("calls_failed") == 9
    setup.settled()


def test_row_05_unresolved_cluster_heals(start, be, side):
    """Better, because the original stays broken when DNS comes back."""
    with DnsServer() as dns:
        setup = Setup(start, be, side, dispatch("side", 3),
                      side_cluster=dns_cluster("side", "side.test", side.port, dns.port))
        assert setup.ask().get("total-dispatched") == "3"
        assert setup.dispatch_stat("calls_failed") == 3
        dns.records["side.test"] = ["127.0.0.1"]
        wait_until(lambda: setup.ask().status == 200 and setup.dispatch_stat("calls_ok") > 0, 20, "healed")
        setup.settled()


@SPELLINGS
def test_row_06_endpoint_refuses(start, be, side, spelling):
    """As Envoy: a refused call has arrived; the client sees nothing of it. Ours counts it."""
    setup = Setup(start, be, side, spelling("side", 3), side_cluster=cluster("side", free_port()))
    reply = setup.ask()
    assert (reply.status, reply.body, reply.get("total-dispatched")) == (200, b"hello\n", "3")
    assert setup.dispatch_stat("calls_failed") == 3
    setup.settled()


@pytest.mark.parametrize("script", [
    reply_always(response(500, body=b"x", reason="ISE")),
    reply_then_close(b""),
    reply_then_close(b"", reset=True),
    reply_then_close(b"garbage\r\n\r\n"),
    reply_then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
], ids=["500", "close", "reset", "garbage", "cut body"])
def test_row_07_bad_side_replies(start, be, side, script):
    """As Envoy: counted as done."""
    side.settle(script)
    setup = Setup(start, be, side, dispatch("side", 3))
    reply = setup.ask()
    assert (reply.status, reply.body, reply.get("total-dispatched")) == (200, b"hello\n", "3")
    setup.settled()


def test_row_08_call_timeout(start, be, side):
    """As Envoy: a call that isn't answered ends after its own timeout and has arrived."""
    side.settle(never)
    setup = Setup(start, be, side, dispatch("side", 3, timeout="0.2s"))
    reply = setup.ask()
    assert (reply.status, reply.get("total-dispatched")) == (200, "3")
    assert setup.dispatch_stat("calls_timeout") == 3
    setup.settled()


@SPELLINGS
def test_row_08_hold_ends_with_the_route_timeout(start, be, side, spelling):
    """Better, because nobody asked for 50 s of waiting: the hold lasts as long as the route's timeout."""
    side.settle(never)
    setup = Setup(start, be, side, spelling("side", 3), timeout="0.3s")
    reply = setup.ask(timeout=5)
    assert (reply.status, reply.body, reply.get("total-dispatched")) == (200, b"hello\n", "3")
    assert setup.dispatch_stat("max_hold_reached") == 1
    setup.settled()


def test_row_09_client_leaves(start, be, side):
    """Better, because calls that nobody waits for are cancelled, and their connections closed."""
    side.settle(never)
    setup = Setup(start, be, side, dispatch("side", 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
    wait_until(lambda: setup.dispatch_stat("calls_cancelled") == 3, 10, "three calls cancelled")
    setup.settled()
    for connection in list(side.connections):
        connection.thread.join(10)
        assert not connection.thread.is_alive(), "the proxy closes the call's connection"
    assert setup.dispatch_stat("holds_abandoned") == 1
    side.settle(reply_always())
    assert setup.ask().get("total-dispatched") == "3"


@pytest.mark.parametrize("spelling, count", [(dispatch, 0), (wasm_null, 0), (wasm_null, -3)])
def test_row_10_zero_or_negative(start, be, side, spelling, count):
    """Better, because nothing to wait for is no reason to wait for ever: passes straight through."""
    setup = Setup(start, be, side, spelling("side", count))
    reply = setup.ask()
    assert (reply.status, reply.body, reply.get("total-dispatched")) == (200, b"hello\n", None)
    assert not side.requests


def test_row_11_count_missing(start, be, side):
    """As Envoy, the count is 0 then; better, because of row 10."""
    setup = Setup(start, be, side, wasm_null(configuration='{"dispatchCluster":"side"}'))
    assert setup.ask().get("total-dispatched") is None


def test_row_11_no_configuration(start, be, side):
    """As Envoy: the plugin's default, cluster httpbin and ten calls."""
    plugin = wasm_null()
    del plugin["typed_config"]["config"]["configuration"]
    port = free_port()
    start([listener(port, None, [plugin])], [cluster("be", be.port), cluster("httpbin", side.port)])
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().get("total-dispatched") == "10"
    assert len(side.wait_requests(10)) == 10


def test_row_12_more_calls_than_the_circuit_breaker(start, be, side):
    """Better, because calls over the limit of 1024 fail and are counted; the original crashes."""
    setup = Setup(start, be, side, dispatch("side", 1100))
    reply = setup.ask(timeout=60)
    assert (reply.status, reply.get("total-dispatched")) == (200, "1100")
    assert setup.dispatch_stat("calls_overflow") == 76
    assert len(side.requests) == 1024
    setup.settled()


@pytest.mark.parametrize("text", ['{"dispatchCluster":"side","dispatchCount":2.5}',
                                  '{"dispatchCluster":"side","dispatchCount":"3"}', "no json", "[1]",
                                  '{"dispatchCluster":"side","dispatchCount":3',
                                  '{"dispatchCluster":"side","dispatchCount":70000}'])
@pytest.mark.parametrize("mode", ["serve", "validate"])
def test_row_13_bad_plugin_configuration(holdfast, tmp_path, text, mode):
    """As Envoy: refuses to start. Better, because the message has the line in the YAML."""
    config = bootstrap([listener(free_port(), [direct(200)], [wasm_null(configuration=text)])], [cluster("side", 1)],
                       free_port())
    message = refused(holdfast, tmp_path, config, "--mode", mode)
    line = next(i for i, row in enumerate(config.splitlines(), 1) if json.dumps(text) in row)
    assert f".yaml:{line}:" in message, message


@pytest.mark.parametrize("field, value", [("fail_open", True), ("failure_policy", "FAIL_OPEN")])
def test_row_14_and_15_failure_policies(start, be, side, field, value):
    """Better, because nothing crashes here: whatever is to happen then never does. (tests/e2e/test_plugins.py: in WebAssembly.)"""
    plugin = wasm_null("side", 3)
    plugin["typed_config"]["config"][field] = value
    reply = Setup(start, be, side, plugin).ask()
    assert (reply.status, reply.get("total-dispatched")) == (200, "3")


def test_row_16_two_instances_in_reverse(start, be, side):
    """As Envoy: [A, B] runs B, then A, one after the other; headers in that order."""
    with ScriptedUpstream(held_until_told) as late:
        port = free_port()
        start([listener(port, None, [dispatch("side", 2), dispatch("late", 3)])],
              [cluster("be", be.port), cluster("side", side.port), cluster("late", late.port)])
        with Wire.connect(port) as wire:
            wire.send(request())
            late.wait_requests(3)
            assert not side.requests, "A waits for B"
            late.tell()
            reply = wire.read_response()
    assert reply.get_all("total-dispatched") == ["3", "2"]
    assert len(side.requests) == 2


@pytest.mark.parametrize("framing", ["sized", "chunked", "close"])
def test_row_17_body_while_held(start, be, side, framing):
    """As Envoy: the upstream is held back meanwhile, and 8 MB arrive intact."""
    body = noise(8_000_000)
    head = b"HTTP/1.1 200 OK\r\n"
    if framing == "sized":
        be.settle(reply_always(head + b"content-length: %d\r\n\r\n" % len(body) + body))
    elif framing == "chunked":
        parts = [body[i : i + 50000] for i in range(0, len(body), 50000)]
        be.settle(reply_always(head + b"transfer-encoding: chunked\r\n\r\n" + chunked(*parts)))
    else:
        be.settle(reply_then_close(head + b"\r\n" + body))
    side.settle(held_until_told)
    setup = Setup(start, be, side, dispatch("side", 3))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
        side.tell()
        reply = wire.read_response(timeout=30)
    assert reply.get("total-dispatched") == "3"
    assert reply.body == body
    setup.settled()


def test_row_18_struct_configuration(start, be, side):
    """Better, because a Struct is handed over as JSON, as wasm.proto says; Envoy hands over protobuf and refuses to start."""
    plugin = wasm_null("side", 3)
    plugin["typed_config"]["config"]["configuration"] = {
        "@type": "type.googleapis.com/google.protobuf.Struct",
        "value": {"dispatchCluster": "side", "dispatchCount": 3},
    }
    reply = Setup(start, be, side, plugin).ask()
    assert (reply.status, reply.get("total-dispatched")) == (200, "3")


def test_row_19_negative_timeout(holdfast, tmp_path):
    """As Envoy, an error; better, because at the start."""
    config = bootstrap([listener(free_port(), [direct(200)], [dispatch("side", 3, timeout="-1s")])],
                       [cluster("side", 1)], free_port())
    assert "timeout" in refused(holdfast, tmp_path, config)


def test_row_19_timeout_zero(start, be, side):
    """As Envoy: no timeout of the call itself; better, because max_hold still ends the wait."""
    side.settle(never)
    setup = Setup(start, be, side, dispatch("side", 2, timeout="0s", max_hold="0.3s"))
    assert setup.ask(timeout=5).get("total-dispatched") == "2"
    assert setup.dispatch_stat("max_hold_reached") == 1
    setup.settled()


def test_row_20_request_headers_never_hang(start, be, side):
    """Better, because there is no VM to fail while request headers are handled: the request goes through."""
    setup = Setup(start, be, side, dispatch("side", 3), side_cluster=cluster("side", free_port()))
    with Wire.connect(setup.port) as wire:
        wire.send(request("POST", headers=[("content-length", "6")], body=b"abc"))
        wait_until(lambda: be.connections and setup.proxy.stat("cluster.be.upstream_rq_active") == 1, 10, "sent on")
        wire.send(b"def")
        assert wire.read_response().get("total-dispatched") == "3"
    assert be.requests[0].body == b"abcdef"

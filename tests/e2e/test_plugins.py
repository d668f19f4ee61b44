"""proxy-wasm plugins, from a client's side: what they do, how they fail, and that nobody else is harmed by it."""
import os
import re
import subprocess
import sys
import threading

import pytest
from harness import (
    TYPE,
    Wire,
    bootstrap,
    cluster,
    free_port,
    listener,
    never,
    reply_always,
    request,
    response,
    route,
    wait_until,
)
from scene import Setup, held_until_told

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "plugins"))

import weave  # noqa: E402

TRAPS = {
    "unreachable": "(unreachable)",
    "timeout": "(call $endless)",
    "stack_overflow": "(drop (call $deeper (i32.const 0)))",
    "out_of_memory": "(call $hoard)",
    "memory": "(drop (i32.load (i32.const -4)))",
    "arithmetic": "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
}
FAN = '{"dispatchCluster":"side","dispatchCount":3}'


@pytest.fixture(autouse=True)
def plugins_are_built_in(holdfast, tmp_path):
    """Skips where this build of Holdfast has no plugins."""
    config = tmp_path / "probe.yaml"
    config.write_text(bootstrap([listener(free_port(), filters=[plugin(tmp_path, "heals", trap="")])], [cluster("be", 1)], 1))
    checked = subprocess.run([holdfast, "check", "-c", str(config)], capture_output=True, text=True, check=False)
    if "without plugins" in checked.stderr:
        pytest.skip("this build of Holdfast has no plugins")
    assert checked.returncode == 0, checked.stderr


def plugin(folder, wat, configuration="", limits=None, extra=None, **parameters):
    path = folder / f"{wat}.wat"
    path.write_text(weave.weave(wat, **parameters))
    config = {"name": wat, "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(path)}}},
              "configuration": {"@type": TYPE + "google.protobuf.StringValue", "value": configuration}, **(extra or {})}
    return {"name": wat, "typed_config": {
        "@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "config": config, **({"limits": limits} if limits else {})}}


def traps(setup, kind):
    return setup.proxy.stat(f"wasm.trap_{kind}")


def at_rest(setup):
    names = ("wasm.calls_active", "cluster.side.upstream_rq_active", "cluster.be.upstream_rq_active")
    wait_until(lambda: not any(setup.proxy.stat(name) for name in names), 10, "gauges at zero")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_response_is_held_for_three_calls(start, be, side, tmp_path, method):
    setup = Setup(start, be, side, plugin(tmp_path, "fanout", FAN))
    reply = setup.ask(method)
    assert (reply.status, reply.get("total-dispatched")) == (200, "3")
    assert reply.body == (b"hello\n" if method == "GET" else b"")
    assert len(side.wait_requests(3)) == 3
    at_rest(setup)


def test_calls_are_parallel(start, be, side, tmp_path):
    side.settle(held_until_told)
    setup = Setup(start, be, side, plugin(tmp_path, "fanout", FAN))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        side.wait_requests(3)
        side.tell()
        assert wire.read_response().get("total-dispatched") == "3"


@pytest.mark.parametrize("kind", TRAPS)
def test_a_trap_fails_its_own_request_only(start, be, side, tmp_path, kind):
    """A request that the plugin holds when another one makes it fail is answered as if nothing had happened."""
    side.settle(held_until_told)
    setup = Setup(start, be, side, plugin(tmp_path, "heals", trap=TRAPS[kind], limits={"max_memory_bytes": 8 << 20}))
    with Wire.connect(setup.port) as held:
        held.send(request())
        side.wait_requests(1)
        reply = setup.ask(target="/be/bad")
        assert (reply.status, reply.body) == (503, b"")
        assert traps(setup, kind) == 1
        side.tell()
        reply = held.read_response()
        assert (reply.status, reply.get("x-plugin")) == (200, "was here")
    side.settle(reply_always(response(body=b"side")))
    reply = setup.ask()
    assert (reply.status, reply.get("x-plugin")) == (200, "was here"), "served by the new VM"
    at_rest(setup)


def test_fail_open_passes_what_the_plugin_fails(start, be, side, tmp_path):
    setup = Setup(start, be, side, plugin(tmp_path, "heals", trap="(unreachable)", extra={"failure_policy": "FAIL_OPEN"}))
    for _ in range(3):
        assert setup.ask(target="/be/bad").status == 200
    assert traps(setup, "unreachable") >= 1


def test_repeated_traps_wait_for_the_back_off(start, be, side, tmp_path):
    extra = {"reload_config": {"backoff": {"base_interval": "0.3s"}}}
    setup = Setup(start, be, side, plugin(tmp_path, "heals", trap="(unreachable)", extra=extra))
    assert {setup.ask(target="/be/bad").status for _ in range(40)} == {503}
    assert 11 <= traps(setup, "unreachable") < 20, "at once ten times; then the plugin is down"
    wait_until(lambda: setup.ask().status == 200, 10, "another VM after the back-off")


@pytest.mark.parametrize("policy, status", [("FAIL_CLOSED", 503), ("FAIL_OPEN", 200)])
def test_a_request_counts_once_while_the_plugin_is_down(start, be, side, tmp_path, policy, status):
    extra = {"failure_policy": policy, "reload_config": {"backoff": {"base_interval": "600s"}}}
    setup = Setup(start, be, side, plugin(tmp_path, "heals", trap="(unreachable)", extra=extra))

    def met_while_down():
        return setup.proxy.stat("wasm.requests_while_down")

    wait_until(lambda: setup.ask(target="/be/bad").status == status and met_while_down(), 20, "a plugin that is down")
    before = met_while_down()
    for _ in range(5):
        reply = setup.ask()
        assert (reply.status, reply.get("x-plugin")) == (status, None)
    assert met_while_down() - before == 5


def test_one_bad_client_harms_nobody(start, be, side, tmp_path):
    setup = Setup(start, be, side, plugin(tmp_path, "heals", trap="(unreachable)"))
    for _ in range(8):
        assert setup.ask(target="/be/bad").status == 503
        assert (reply := setup.ask()).status == 200 and reply.get("x-plugin") == "was here"


def test_a_request_that_waits_for_a_tick_survives_anothers_trap(start, be, side, tmp_path):
    setup = Setup(start, be, side, plugin(tmp_path, "waits"))
    with Wire.connect(setup.port) as held:
        held.send(request(target="/be/held"))
        wait_until(lambda: setup.proxy.stat("http.ingress_http.downstream_rq_active") == 1, 10, "a request held")
        assert setup.ask(target="/be/bad").status == 503
        reply = held.read_response()
        assert (reply.status, reply.get("x-call")) == (200, "0"), "resumed by its tick, and it can call out"


def test_calls_end_with_their_client(start, be, side, tmp_path):
    side.settle(never)
    setup = Setup(start, be, side, plugin(tmp_path, "fanout", FAN))
    with Wire.connect(setup.port) as wire:
        wire.send(request())
        wait_until(lambda: setup.proxy.stat("wasm.calls_active") == 3, 10, "three calls out")
    at_rest(setup)


def test_a_response_that_nobody_resumes_is_released(start, be, side, tmp_path):
    setup = Setup(start, be, side, plugin(tmp_path, "pauses", "response headers for ever", limits={"max_hold": "0.2s"}))
    reply = setup.ask()
    assert (reply.status, reply.body) == (200, b"hello\n")
    assert setup.proxy.stat("wasm.max_hold_reached") == 1


@pytest.mark.parametrize("mode, idle", [("ok", "0.5s"), ("response", "2.5s")])
def test_the_idle_timeout_ends_what_waits_for_a_call_without_a_timeout(start, be, side, tmp_path, mode, idle):
    """A request, or a response, which is asked for several times meanwhile whether it still waits."""
    side.settle(never)
    port = free_port()
    caller = plugin(tmp_path, "calls", mode, timeout="0", limits={"max_hold": "0.2s"})
    proxy = start([listener(port, [route("be", timeout="0s")], [caller], hcm={"stream_idle_timeout": idle})],
                  [cluster("be", be.port), cluster("side", side.port)])
    with Wire.connect(port) as wire:
        wire.send(request())
        reply = wire.read_response(timeout=20)
    assert (reply.status, reply.body) == (504, b"stream timeout")
    assert len(side.wait_requests(1)) == 1
    assert proxy.stat("http.ingress_http.downstream_rq_idle_timeout") == 1


def test_four_workers(start, be, side, tmp_path):
    setup = Setup(start, be, side, plugin(tmp_path, "fanout", FAN), concurrency=4)
    wrong = []

    def client():
        for _ in range(25):
            reply = setup.ask()
            if (reply.status, reply.get("total-dispatched")) != (200, "3"):
                wrong.append(reply)

    clients = [threading.Thread(target=client) for _ in range(8)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert not wrong
    assert setup.proxy.stat("wasm.envoy.wasm.runtime.v8.active") == 4, "a VM for each worker"
    at_rest(setup)


def check(holdfast, tmp_path, *filters, env=None):
    config = tmp_path / "config.yaml"
    config.write_text(bootstrap([listener(free_port(), [route("be")], filters)], [cluster("be", 1), cluster("side", 1)], 1))
    return subprocess.run([holdfast, "check", "-c", str(config)], capture_output=True, text=True, check=False,
                          env={**os.environ, **(env or {})})


def test_a_plugin_that_refuses_its_configuration_stops_the_start(holdfast, tmp_path):
    checked = check(holdfast, tmp_path, plugin(tmp_path, "fanout", "{}"))
    assert checked.returncode == 78
    assert re.search(r"config\.yaml:\d+:\d+: error: .*proxy_on_configure returned 0", checked.stderr), checked.stderr


@pytest.mark.parametrize("field, value", [("limits", {"max_memory_bytes": 8 << 20}), ("limits", {"callback_timeout": "0.2s"}),
                                          ("reload_config", {"backoff": {"base_interval": "2s"}})])
def test_plugins_of_one_vm_must_agree_on_what_is_the_vms(holdfast, tmp_path, field, value):
    def second(vm_id):
        limited = plugin(tmp_path, "heals", trap="", extra={"name": "second"} | ({} if field == "limits" else {field: value}),
                         limits=value if field == "limits" else None)
        limited["typed_config"]["config"]["vm_config"]["vm_id"] = vm_id
        return limited

    checked = check(holdfast, tmp_path, plugin(tmp_path, "heals", trap=""), second(""))
    assert checked.returncode == 78
    assert re.search(rf"config\.yaml:\d+:\d+: error: plugin \"second\" shares the VM of plugin \"heals\" .*{field} must be",
                     checked.stderr), checked.stderr
    assert check(holdfast, tmp_path, plugin(tmp_path, "heals", trap=""), second("other")).returncode == 0


def test_code_that_is_not_there_is_named(holdfast, tmp_path):
    broken = plugin(tmp_path, "fanout", FAN)
    broken["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"] = str(tmp_path / "nothing.wasm")
    checked = check(holdfast, tmp_path, broken)
    assert checked.returncode == 78
    assert re.search(r"config\.yaml:\d+:\d+: error: .*nothing\.wasm", checked.stderr), checked.stderr


def test_compiled_code_is_kept_for_this_user_only(holdfast, tmp_path):
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    for _ in range(2):
        checked = check(holdfast, tmp_path, plugin(tmp_path, "fanout", FAN), env=env)
        assert checked.returncode == 0, checked.stderr
    kept = list((tmp_path / "cache" / "holdfast").iterdir())
    assert len(kept) == 1
    assert (tmp_path / "cache" / "holdfast").stat().st_mode & 0o077 == 0
    kept[0].write_bytes(kept[0].read_bytes()[:-100])
    assert check(holdfast, tmp_path, plugin(tmp_path, "fanout", FAN), env=env).returncode == 0, "compiled anew"

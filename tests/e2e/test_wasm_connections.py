"""Plugins over TCP connections, and plugins beside the listeners: what sockets and the log show."""
import os
import re
import socket
import struct
import subprocess
import sys
import threading

import pytest

from harness import TYPE, Proxy, bootstrap, cluster, free_port, wait_until
from proxy import address
from test_tcp_proxy import Echo, tcp_listener

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plugins"))

import weave  # noqa: E402

GO_ON = "(i32.const 0)"
STOP = "(i32.const 1)"
MOST_WAITING = 64 << 20
NETWORK = {"new": GO_ON, "down": GO_ON, "up": GO_ON, "closed": "", "upstream_closed": "", "log": "", "tick": ""}
SERVICE = """(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $set_tick (param i32) (result i32)))
  (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
  (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "configured")
  (data (i32.const 32) "ticked")
  (data (i32.const 48) "queue ready")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $log (i32.const 2) (i32.const 16) (i32.const 10)))
    (drop (call $register (i32.const 16) (i32.const 10) (i32.const 0)))
    (drop (call $set_tick (i32.const 20)))
    (i32.const 1))
  (func (export "proxy_on_tick") (param i32)
    (drop (call $set_tick (i32.const 0)))
    (drop (call $log (i32.const 2) (i32.const 32) (i32.const 6)))
    (drop (call $enqueue (i32.load (i32.const 0)) (i32.const 16) (i32.const 4))))
  (func (export "proxy_on_queue_ready") (param i32 i32)
    (drop (call $log (i32.const 2) (i32.const 48) (i32.const 11)))))
"""


@pytest.fixture(autouse=True)
def with_plugins(holdfast, tmp_path):
    """Skips where the binary was built without them."""
    config = tmp_path / "probe.json"
    config.write_text(bootstrap([], [], free_port(), bootstrap_extensions=[service(plugin(write(tmp_path, SERVICE)))]))
    checked = subprocess.run([holdfast, "check", "-c", config], capture_output=True, text=True, timeout=60)
    if "built without plugins" in checked.stderr + checked.stdout:
        pytest.skip("this build of Holdfast hosts no plugins")


def write(folder, text, name="plugin"):
    path = folder / (name + ".wat")
    path.write_text(text)
    return path


def plugin(path, **extra):
    return {"name": "own", "vm_config": {"vm_id": "vm", "code": {"local": {"filename": str(path)}}}, **extra}


def service(config, **extra):
    return {"name": "service",
            "typed_config": {"@type": TYPE + "envoy.extensions.wasm.v3.WasmService", "config": config, **extra}}


def network(folder, extra=None, name="plugin", **parameters):
    return woven(folder, "network", extra, name, **{**NETWORK, **parameters})


def woven(folder, wat, extra=None, name="plugin", limits=None, **parameters):
    config = plugin(write(folder, weave.weave(wat, **parameters), name), **(extra or {}))
    return {"name": "wasm", "typed_config": {"@type": TYPE + "envoy.extensions.filters.network.wasm.v3.Wasm", "config": config,
                                             **({"limits": limits} if limits else {})}}


class Stage:
    """A tcp_proxy to an echo server, with filters before it."""

    def __init__(self, holdfast, folder, *filters, args=(), **extra):
        self.echo = Echo()
        self.port = free_port()
        admin = free_port()
        listener = tcp_listener(self.port, "echo")
        listener["filter_chains"][0]["filters"][:0] = filters
        listener.update(extra)
        text = bootstrap([listener], [cluster("echo", self.echo.port)], admin)
        self.proxy = Proxy("holdfast", holdfast, text, folder, admin, args)
        self.proxy.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.stop()
        self.echo.listener.close()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return connection

    def logged(self, text, count=1):
        wait_until(lambda: self.proxy.stderr().count(text) >= count, 10, f"{count} times {text!r}")


def everything(connection):
    got = b""
    while data := connection.recv(65536):
        got += data
    return got


def echoed(stage, data):
    """What comes back of that, which is sent meanwhile, to its end."""
    with stage.connect() as connection:

        def send():
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        back = everything(connection)
        sender.join()
    return back


def test_more_than_the_buffer_limit_goes_through(holdfast, tmp_path):
    data = os.urandom(1 << 20) * 3
    with Stage(holdfast, tmp_path, network(tmp_path), per_connection_buffer_limit_bytes=32768) as stage:
        assert echoed(stage, data) == data
        stage.logged("delete of")


def test_bytes_that_are_stopped_for_ever_are_not_read_without_end(holdfast, tmp_path):
    with Stage(holdfast, tmp_path, network(tmp_path, down="(i32.const 1)"), per_connection_buffer_limit_bytes=32768) as stage:
        with stage.connect() as connection:
            connection.settimeout(1)
            with pytest.raises(socket.timeout):
                connection.sendall(bytes(32 << 20))
        assert "from the client: 32768, end: 0" in stage.proxy.stderr()
        assert "from the client: 32769" not in stage.proxy.stderr()


def test_a_plugin_cannot_make_what_waits_grow_without_end(holdfast, tmp_path, growth):
    """Nor the client, where the buffer limit is off: there may wait as much as a plugin may make of it."""
    hoarder = woven(tmp_path, "hoards", limits={"callback_timeout": "60s"})
    with Stage(holdfast, tmp_path, hoarder, per_connection_buffer_limit_bytes=0) as stage:
        with growth(stage.proxy, 400 << 10), stage.connect() as connection:
            connection.sendall(b"x")
            wait_until(lambda: "waiting: " in stage.proxy.stderr(), 60, "a plugin that is refused")
            connection.settimeout(2)
            with pytest.raises(socket.timeout):
                connection.sendall(bytes(32 << 20))
            stage.logged(f"behind: 10, before: 10, waiting: {MOST_WAITING}")
        assert max(int(size) for size in re.findall(r"waiting: (\d+)", stage.proxy.stderr())) == MOST_WAITING


def test_a_plugin_may_wait_for_all_it_wants_where_the_buffer_limit_is_off(holdfast, tmp_path):
    data = os.urandom(600_000)
    down = "(i32.and (i32.lt_u (local.get $size) (i32.const 500000)) (i32.eqz (local.get $end)))"
    with Stage(holdfast, tmp_path, network(tmp_path, down=down), per_connection_buffer_limit_bytes=0) as stage:
        assert echoed(stage, data) == data


def test_a_reset_of_a_connection_that_may_not_begin_is_noticed(holdfast, tmp_path):
    with Stage(holdfast, tmp_path, network(tmp_path, new="(i32.const 1)")) as stage:
        with stage.connect() as connection:
            stage.logged("new connection")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stage.logged("the client's connection is closed: 2")
        stage.logged("delete of")


def test_a_plugin_that_traps_fails_that_connection_only(holdfast, tmp_path):
    down = '(if (i32.eq (local.get $size) (i32.const 4)) (then unreachable)) (i32.const 0)'
    with Stage(holdfast, tmp_path, network(tmp_path, down=down)) as stage:
        with stage.connect() as bystander, stage.connect() as victim:
            bystander.sendall(b"hello")
            assert bystander.recv(100) == b"hello"
            victim.sendall(b"trap")
            assert everything(victim) == b""
            bystander.sendall(b"again")
            assert bystander.recv(100) == b"again"
            with stage.connect() as later:
                later.sendall(b"later")
                assert later.recv(100) == b"later"


@pytest.mark.parametrize("policy, answer", [("FAIL_CLOSED", b""), ("FAIL_OPEN", b"trap")])
def test_the_policy_decides_what_becomes_of_it(holdfast, tmp_path, policy, answer):
    filter_ = network(tmp_path, extra={"failure_policy": policy}, down="unreachable")
    with Stage(holdfast, tmp_path, filter_) as stage, stage.connect() as connection:
        connection.sendall(b"trap")
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection) == answer


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_plugin_that_fails_open_lets_go_what_it_has_stopped(holdfast, tmp_path, way):
    stops = {way: "(drop (call $set_tick (i32.const 30))) " + STOP}
    trap = "(drop (call $set_effective (global.get $connection))) unreachable"
    filter_ = network(tmp_path, extra={"failure_policy": "FAIL_OPEN"}, tick=trap, **stops)
    with Stage(holdfast, tmp_path, filter_) as stage, stage.connect() as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        assert stage.proxy.stat("wasm.trap_unreachable") == 1


def test_a_trial_start_ends_without_a_word_to_the_plugin(holdfast, tmp_path):
    done = '(func (export "proxy_on_done") (param i32) (result i32)' \
           ' (drop (call $log (i32.const 2) (i32.const 64) (i32.const 4))) (i32.const 1))'
    text = SERVICE.rstrip()[:-1] + '(data (i32.const 64) "done")' + done + ")"
    config = tmp_path / "config.json"
    config.write_text(bootstrap([], [], free_port(), bootstrap_extensions=[service(plugin(write(tmp_path, text)))]))
    checked = subprocess.run([holdfast, "check", "-c", config], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr
    said = checked.stdout + checked.stderr
    assert said.count(": configured") == 1 and ": done" not in said, said


def test_connections_open_at_the_end_are_ended(holdfast, tmp_path):
    with Stage(holdfast, tmp_path, network(tmp_path), args=("--drain-time-s", "0")) as stage:
        with stage.connect() as connection:
            connection.sendall(b"hello")
            assert connection.recv(100) == b"hello"
            stage.proxy.stop()
            assert "delete of" in stage.proxy.stderr()


@pytest.mark.parametrize("singleton, instances", [(True, 1), (False, 2)])
def test_a_plugin_beside_the_listeners(holdfast, tmp_path, singleton, instances):
    admin = free_port()
    config = service(plugin(write(tmp_path, SERVICE)), singleton=singleton)
    text = bootstrap([], [], admin, bootstrap_extensions=[config])
    proxy = Proxy("holdfast", holdfast, text, tmp_path, admin, concurrency=2)
    proxy.start()
    try:
        wait_until(lambda: proxy.stderr().count("queue ready") >= instances, 10, "queue ready")
        # One more of each is the trial at the start.
        assert proxy.stderr().count(": configured") == instances + 1
        assert proxy.stderr().count(": ticked") == instances
    finally:
        proxy.stop()

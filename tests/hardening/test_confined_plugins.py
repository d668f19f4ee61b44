"""Plugins inside the sandbox: what is shipped lets them run; where no memory may become executable, as under the unit
without its drop-in, the start fails and says why."""
import os

import pytest
from harness import TYPE, Wire, cluster, free_port, listener, request
from plugin import ROOT

PLUGIN = os.path.join(ROOT, "tests", "hardening", "plugin.wat")


@pytest.fixture
def scratch():
    directory = os.environ.get("HARDENING_SCRATCH")
    if not directory:
        pytest.skip("only under tests/hardening/run")
    if not os.path.exists(os.path.join(directory, "libwasmtime.so")):
        pytest.skip("a build without plugins")
    return directory


def with_plugin(port):
    vm = {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": PLUGIN}}}
    filters = [{"name": "envoy.filters.http.wasm", "typed_config": {
        "@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "config": {"name": "plugin", "vm_config": vm}}}]
    return [listener(port, filters=filters)]


def ask(port, sent):
    with Wire.connect(port) as wire:
        wire.send(sent)
        response = wire.read_response()
        return response.status, response.get("x-plugin")


def test_a_plugin_runs_and_heals(scratch, start, be):
    """A trap is a signal, and the new VM asks for memory while requests are served."""
    port = free_port()
    start(with_plugin(port), [cluster("be", be.port)], concurrency=2)
    assert ask(port, request()) == (200, "ran")
    trapped = ask(port, request("POST", "/", [("content-length", "1")], b"x"))
    assert trapped[0] == 503
    assert ask(port, request()) == (200, "ran")


def test_compiled_code_is_kept_where_that_is_allowed(scratch, start, be, tmp_path):
    kept = tmp_path / "cache"
    for _ in range(2):
        port = free_port()
        proxy = start(with_plugin(port), [cluster("be", be.port)], env={"CACHE_DIRECTORY": str(kept)},
                      args=("--component-log-level", "wasm:debug"))
        assert ask(port, request()) == (200, "ran")
        proxy.stop()
    assert [path.suffix for path in kept.iterdir()] == [".cwasm"]
    assert "taken from the cache" in proxy.stderr()


def test_without_executable_memory_the_start_says_so(scratch, start, monkeypatch):
    monkeypatch.setenv("HARDENING_NO_NEW_CODE", "1")
    proxy = start(with_plugin(free_port()), [cluster("be", free_port())], ready=False)
    assert proxy.wait(20) == 78, proxy.stderr()
    assert "no memory may be made executable here" in proxy.stderr()
    assert "holdfast-plugins.conf" in proxy.stderr()


def test_without_executable_memory_all_else_runs(scratch, start, be, monkeypatch):
    monkeypatch.setenv("HARDENING_NO_NEW_CODE", "1")
    port = free_port()
    start([listener(port)], [cluster("be", be.port)])
    assert ask(port, request()) == (200, None)

"""What a plugin costs a release build: time from the start to /ready, and memory of a VM. The plugin is tests/bench/plugin,
in Go: 3 MB of WebAssembly."""
import json
import os
import pathlib
import statistics
import subprocess
import time

import pytest
from harness import TYPE, Proxy, Wire, bootstrap, cluster, free_port, listener, request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WARM_MS = 150
COLD_MS = 2500
VM_KIB = 4096  # Beside the plugin's own memory.
MORE_VMS = 8

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def wasm(holdfast, figures, tmp_path_factory):
    subprocess.run([ROOT / "tests/plugins/build", "go-fanout"], check=True, capture_output=True)
    built = ROOT / "build/plugins/go-fanout.wasm"
    if not built.exists():
        pytest.skip("no Go to build the plugin")
    probe = tmp_path_factory.mktemp("probe")
    config = probe / "config.yaml"
    config.write_text(bootstrap([listener(free_port(), filters=[fanout(built)])], [cluster("be", 1)], 1))
    checked = subprocess.run([holdfast, "check", str(config)], env=dict(os.environ, CACHE_DIRECTORY=str(probe)),
                             capture_output=True, text=True, check=False)
    if "without plugins" in checked.stderr:
        pytest.skip("this build of Holdfast has no plugins")
    assert checked.returncode == 0, checked.stderr
    return built


def fanout(path, vm_id=""):
    settings = json.dumps({"dispatchCluster": "be", "dispatchCount": 1, "authority": "side"})
    return {"name": "fanout", "typed_config": {
        "@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "config": {
            "name": "fanout", "configuration": {"@type": TYPE + "google.protobuf.StringValue", "value": settings},
            "vm_config": {"vm_id": vm_id, "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(path)}}}}}}


def milliseconds_to_ready(holdfast, wasm, folder, cache):
    admin = free_port()
    config = bootstrap([listener(free_port(), filters=[fanout(wasm)])], [cluster("be", free_port())], admin)
    proxy = Proxy("holdfast", holdfast, config, folder, admin, env={"CACHE_DIRECTORY": str(cache)})
    begun = time.monotonic()
    with proxy:
        return (time.monotonic() - begun) * 1000


def test_start_to_ready_with_a_plugin(holdfast, wasm, tmp_path):
    """With a new cache each time, the best of a few starts: compiling wants all of the machine, and what else it does only
    adds. Then with the last of these caches, the median."""
    cold, warm = [], []
    for turn in range(4):
        cache = tmp_path / f"cache{turn}"
        cache.mkdir(mode=0o700)
        cold.append(milliseconds_to_ready(holdfast, wasm, tmp_path / f"cold{turn}", cache))
    for turn in range(7):
        warm.append(milliseconds_to_ready(holdfast, wasm, tmp_path / f"warm{turn}", cache))
    print(f"cold {min(cold):.0f} ms, warm {statistics.median(warm):.0f} ms")
    assert min(cold) < COLD_MS, cold
    assert statistics.median(warm) < WARM_MS, warm


def memory_kib(start, be, wasm, cache, vms):
    """(resident, of that at most the plugins' own), after some requests through all of the plugins."""
    port = free_port()
    proxy = start([listener(port, filters=[fanout(wasm, str(number)) for number in range(vms)])], [cluster("be", be.port)],
                  env={"CACHE_DIRECTORY": str(cache)})
    with Wire.connect(port) as wire:
        for _ in range(20):
            wire.send(request())
            assert wire.read_response().status == 200
    assert proxy.stat("wasm.envoy.wasm.runtime.v8.active") == vms
    found = proxy.rss_kib(), proxy.stat("wasm.memory_bytes") / 1024
    proxy.stop()
    return found


def test_memory_of_a_vm(start, be, wasm, tmp_path):
    """VMs beyond the first, of one worker, each with the plugin's whole memory taken for resident."""
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    (one, own_of_one), (many, own_of_many) = (memory_kib(start, be, wasm, cache, vms) for vms in (1, 1 + MORE_VMS))
    each, own = (many - one) / MORE_VMS, (own_of_many - own_of_one) / MORE_VMS
    print(f"{each:.0f} KiB per VM, the plugin's memory {own:.0f} KiB")
    assert each <= own + VM_KIB, (one, many, own_of_one, own_of_many)

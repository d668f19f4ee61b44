"""Each plugin scenario against Envoy 1.40 (its answers are kept in plugins_golden.json) and against Holdfast.

As in test_differential.py: `test_oracle` proves the record, `test_holdfast` compares with it, or with what is better and
why; `pytest tests/differential/test_plugin_scenarios.py --record` writes the record anew.
"""
import json
import os
import subprocess

import pytest
from plugins import SCENARIOS, scene
from plugins.scene import Plugin, PluginStage, Scenario
from runner import HERE, differences

GOLDEN = os.path.join(HERE, "plugins_golden.json")


@pytest.fixture(scope="module")
def golden(request):
    recorded = {}
    if os.path.exists(GOLDEN):
        with open(GOLDEN, encoding="utf-8") as file:
            recorded = json.load(file)
    yield recorded
    if request.config.getoption("--record"):
        asked = [scenario.name for scenario in SCENARIOS if not scenario.oracle_can_not]
        ordered = {name: recorded[name] for name in asked if name in recorded}
        with open(GOLDEN, "w", encoding="utf-8") as file:
            json.dump(ordered, file, indent=1, sort_keys=True, ensure_ascii=False)
            file.write("\n")


@pytest.fixture(scope="module")
def converter():
    if not scene.weave.converter():
        pytest.skip("nothing turns WAT into binaries for Envoy: pip install wasmtime, or wat2wasm")


@pytest.fixture(scope="module")
def host(holdfast, tmp_path_factory):
    """The binary under test, if it can host plugins at all."""
    stage = PluginStage("holdfast", holdfast, Scenario("probe", "", b"", plugins=[Plugin("misc")]),
                        tmp_path_factory.mktemp("probe"))
    checked = subprocess.run([holdfast, "check", "-c", stage.proxy.config_path], capture_output=True, text=True)
    stage.stop()
    if "not implemented by Holdfast" in checked.stderr + checked.stdout:
        pytest.skip("this build of Holdfast hosts no plugins")
    return holdfast


def ids(scenario):
    return scenario.name


@pytest.fixture
def built(scenario):
    for plugin in scenario.plugins:
        if plugin.built and not os.path.exists(plugin.path):
            pytest.skip(f"{plugin.built} is not built (tests/plugins/build says why)")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=ids)
def test_oracle(scenario, envoy, converter, golden, tmp_path, request):
    if scenario.oracle_can_not:
        pytest.skip(scenario.oracle_can_not)
    seen = scene.play(scenario, "envoy", envoy, tmp_path)
    if request.config.getoption("--record"):
        golden[scenario.name] = seen
    compare(golden.get(scenario.name), seen, "Envoy does something else than plugins_golden.json says")


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=ids)
def test_holdfast(scenario, host, golden, tmp_path):
    recorded = golden.get(scenario.name, {} if scenario.oracle_can_not else None)
    assert recorded is not None, "not recorded: run with --record where Envoy is installed"
    expected = scenario.expected(recorded)
    assert bool(scenario.better) == (expected != recorded), "marked better, and no difference (or unmarked)"
    seen = scene.play(scenario, "holdfast", host, tmp_path)
    assert "died" not in seen
    what = f"better, because {scenario.better}" if scenario.better else "as Envoy"
    compare(expected, {key: seen.get(key) for key in expected}, what)


def compare(expected, seen, what):
    found = differences(expected, seen)
    assert not found, "\n".join([what, *found])


def test_names_are_unique():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names))
    assert len(names) >= 70

"""Each case against Envoy 1.40 (its answers are kept in golden.json) and against Holdfast.

`test_oracle` proves that golden.json is what Envoy really does; it is skipped where Envoy is not installed.
`test_holdfast` compares Holdfast with it, or, for cases marked "better", with what is better and why.
`pytest tests/differential --record` writes golden.json anew from Envoy.
"""
import json
import os

import pytest
from cases import CASES
from runner import HERE, Stage, differences, observe

GOLDEN = os.path.join(HERE, "golden.json")


def load_golden():
    if not os.path.exists(GOLDEN):
        return {}
    with open(GOLDEN, encoding="utf-8") as file:
        return json.load(file)


class Stages:
    """Starts each configuration once per proxy and keeps it for the session."""

    def __init__(self, factory, wasm):
        self.factory = factory
        self.wasm = wasm
        self.running = {}

    def get(self, kind, binary, name):
        if (kind, name) not in self.running:
            if kind == "envoy" and name == "dispatch" and not self.wasm:
                pytest.skip("no --wasm file with the original plugin: its recorded answers are used")
            directory = self.factory.mktemp(f"{kind}-{name}")
            try:
                self.running[kind, name] = Stage(kind, binary, name, directory, self.wasm)
            except AssertionError as error:
                self.running[kind, name] = error
        stage = self.running[kind, name]
        if isinstance(stage, AssertionError):
            raise stage
        if not stage.proxy.running():
            raise AssertionError(f"{kind} has died:\n{stage.proxy.stderr()}")
        return stage

    def stop(self):
        for stage in self.running.values():
            if isinstance(stage, Stage):
                stage.stop()


@pytest.fixture(scope="session")
def stages(request, tmp_path_factory):
    wasm = request.config.getoption("--wasm") or os.environ.get("ENVOY_WASM_PLUGIN")
    every = Stages(tmp_path_factory, os.path.abspath(wasm) if wasm else None)
    yield every
    every.stop()


@pytest.fixture(scope="session")
def golden(request):
    recorded = load_golden()
    yield recorded
    if request.config.getoption("--record"):
        ordered = {case.name: recorded[case.name] for case in CASES if case.name in recorded}
        with open(GOLDEN, "w", encoding="utf-8") as file:
            json.dump(ordered, file, indent=1, sort_keys=True)
            file.write("\n")


def ids(case):
    return case.name


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_oracle(case, envoy, stages, golden, request):
    seen = observe(case, stages.get("envoy", envoy, case.config.split(":")[0]))
    if request.config.getoption("--record"):
        golden[case.name] = seen
    compare(golden.get(case.name), seen, "Envoy does something else than golden.json says")


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_holdfast(case, holdfast, stages, golden):
    assert case.name in golden, "not recorded: run with --record where Envoy is installed"
    expected = case.expected(golden[case.name])
    assert bool(case.better) == (expected != golden[case.name]), "marked better, and no difference (or unmarked)"
    seen = observe(case, stages.get("holdfast", holdfast, case.config.split(":")[0]))
    compare(expected, seen, f"better, because {case.better}" if case.better else "as Envoy")


def compare(expected, seen, what):
    found = differences(expected, seen)
    assert not found, "\n".join([what, *found])


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 80

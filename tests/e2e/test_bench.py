"""tests/bench/run: its tables, goals and chart from recorded figures, and its load generator against Holdfast."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest
from harness import cluster, dispatch, free_port, listener, request, route

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"
sys.path[:0] = [str(BENCH), str(BENCH.parent / "plugins")]

import weave  # noqa: E402
from side_by_side import chart, configs, goals, measure, page, peers, programs, record  # noqa: E402
from side_by_side.cases import CASES, TITLES  # noqa: E402
from side_by_side.process import Process  # noqa: E402

BUDGET = {"pass": {"instructions": 10000}, "pass-log": {"instructions": 12000}}
CPU = {"ours": 10.0, "ours-pipelined": 8.0, "ours-wasm": 15.0, "ours-1000-hosts": 10.2, "nginx": 20.0,
       "nginx-lua": 40.0, "haproxy": 21.0, "envoy": 60.0, "envoy-wasm": 200.0, "floor": 9.6}


def sample(case, peer, number, **more):
    cpu = CPU.get(peer, 99.0) + number / 10
    return {"case": case, "peer": peer, "round": number, "errors": 0, "cpu_us": cpu, "rps": 30000.0, "p50_us": 100.0,
            "p99_us": 900.0 if peer == "ours" else 1000.0, "p999_us": 2000.0, "max_us": 3000.0, "rss_start_kib": 7000,
            "rss_kib": 9000, "rate": 15000.0, "bytes_each": 2560.0, "connections": 4000, "held": 4100, "cpu_us_few": 9.0,
            "ratio": 1.1, **more}


def run(rounds=5, cases=CASES, **more):
    samples = [sample(case, peer, number, **more)
               for case in cases for number in range(rounds) for peer in CASES[case].peers]
    return {"format": 1, "started": "2026-01-01 00:00 UTC", "minutes": 1.0, "binary_bytes": 2_000_000, "missing": {},
            "machine": {"cpu": "some CPU", "cores": 2, "virtual": True, "memory_gib": 8, "kernel": "6.1", "system": "Debian",
                        "load": 0.1},
            "versions": {"Holdfast": "1", "nginx": "2"}, "samples": samples,
            "settings": {"rounds": rounds, "seconds": 2.0, "warmup": 0.4, "cpus": "0,1", "files": 20000}}


def judged(*runs):
    return {goal.what: goal for goal in goals.judge(record.Record(runs), BUDGET)}


def test_goals_are_met_missed_or_not_measured():
    found = judged(run())
    assert found["pass (small GET): CPU / nginx's"].verdict == "yes"
    assert found["pass (small GET): CPU / nginx's"].measured == "0.50 (0.50 to 0.51)"
    assert found["pass: Envoy's CPU / ours"].measured.startswith("5.9")
    assert found["big (64 KiB response): CPU / nginx's"].verdict == "**no**"
    assert found["fan10, pipelined: CPU / nginx + Lua's"].verdict == "yes"
    assert found["fan3: CPU / that of Envoy with the plugin"].verdict == "yes"
    assert found["fan3 by the plugin: CPU / that of Envoy with it"].measured.startswith("0.076")
    assert found["fan3 by the plugin: CPU / the dispatch filter's"].verdict == "yes"
    assert found["p99 at half of saturation / nginx's"].measured.startswith("0.90")
    assert found["memory of a held response with 3 side requests, 4,000 held at once (KiB)"].measured == "2.5"
    assert found["instructions with the JSON access log / without (tests/bench/budget.json)"].met
    assert all(goal.known for goal in found.values())
    partly = judged(run(cases=["fan3"]))
    assert partly["pass (small GET): CPU / nginx's"].verdict == goals.NO_RESULT
    assert not partly["pass (small GET): CPU / nginx's"].met


def test_a_round_with_errors_is_no_result():
    wrong = run()
    for one in wrong["samples"]:
        if one["peer"] == "nginx" and (one["round"] == 0 or one["case"] == "post"):
            one.update(errors=3, cpu_us=1e9)
        if one["peer"] == "haproxy" and one["case"] == "post" and one["round"] == 1:  # One that did not even start.
            for key in set(one) - {"case", "peer", "round", "errors"}:
                del one[key]
            one["errors"] = 1
    found = judged(wrong)
    assert found["pass (small GET): CPU / nginx's"].met
    assert found["post (4 KiB body): CPU / nginx's"].verdict == goals.NO_RESULT
    cells = page.cpu_table(record.Record([wrong]), False)
    assert "errors" in next(line for line in cells.splitlines() if line.startswith("| `post`"))


def test_of_several_recordings_the_last_of_a_case_counts():
    again = run(cases=["pass"], cpu_us=5.0)
    both = record.Record([run(), again])
    assert both.median("pass", "ours", "cpu_us") == 5.0
    assert both.median("big", "ours", "cpu_us") == pytest.approx(10.2)
    with pytest.raises(ValueError):
        record.Record([{"format": 0}])


def test_page_and_chart():
    all_of_it = record.Record([run()])
    text = page.page(all_of_it, goals.judge(all_of_it, BUDGET))
    assert "{{" not in text and "Provisional" not in text and "Not measured." not in text
    assert "**Provisional**: 1 round where" in page.page(record.Record([run(1)]), [])
    busy = run()
    busy["machine"]["load"] = 3.5
    assert "**Provisional**: a busy machine (load average 3.5)." in page.page(record.Record([busy]), [])
    assert text.count("| `fan3`") == 1 and "Envoy + plugin, empty Host" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    drawing = xml.fromstring(chart.chart(all_of_it))
    words = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert "nginx + Lua" in words and "0.50" in words
    places = [(element.get("x"), element.get("y")) for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert len(places) == len(set(places))


def test_every_part_can_be_missing():
    for case in CASES:
        part = record.Record([run(2, [case])])
        assert page.tables(part, goals.judge(part, BUDGET))
        assert xml.fromstring(chart.chart(part)) is not None


def test_each_peer_is_first_once():
    names = ["a", "b", "c"]
    orders = [measure.rotated(names, number) for number in range(6)]
    assert {order[0] for order in orders} == set(names)
    assert all(sorted(order) == names for order in orders)


def test_the_peers_are_configured(holdfast, tmp_path):
    """Our own configurations are valid, and every peer of a case has a title and a command."""
    have = programs.Programs.__new__(programs.Programs)
    have.ours, have.missing = holdfast, {}
    have.nginx = have.haproxy = have.envoy = have.go = have.floor = "it"
    have.wasm = tmp_path / "fanout.wat"
    have.wasm.write_text(weave.weave("fanout"))
    found = peers.Peers(have, tmp_path, 0, 20000)
    assert set(found.missing) <= {"ours-wasm"}  # In a build without plugins.
    backend = peers.Backend(1025, [1026, 1027])
    for case in CASES.values():
        for name in case.peers:
            command = found.command(name, case, 1024, backend)
            assert name in TITLES and command[0] in (holdfast, "it")
            if name.startswith("ours") and name not in found.missing:
                subprocess.run([holdfast, "check", command[2]], check=True, capture_output=True)
    assert "1026" in configs.nginx("nginx-lua", tmp_path, 1024, 1025, [1026], 3, True, 20000)


def test_run_makes_tables_from_a_recording(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps(run()))
    done = subprocess.run([sys.executable, BENCH / "run", "--from", tmp_path / "all.json", "--check"], text=True,
                          capture_output=True)
    assert done.returncode == 1, done.stderr  # Not all goals are met by those figures.
    assert "| **no** |" in done.stdout and "## Goals" in done.stdout


# The load generator ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    if not shutil.which("g++"):
        pytest.skip("no g++")
    return programs.compile_load(tmp_path_factory.mktemp("bench") / "bench_load", ("g++", "-std=c++20", "-O1"))


@pytest.fixture
def scene(load, start, tmp_path):
    """generate(mode, ...) -> what the load generator says of Holdfast, which holds each response for 2 late side requests."""
    cpu = min(os.sched_getaffinity(0))
    command = [load, "upstream", "--delayed", "2", "--delay-ms", "20"]
    with Process(command, cpu, tmp_path / "upstream.err", stdout=subprocess.PIPE) as upstream:
        ports = upstream.line(20)
        port = free_port()
        proxy = start([listener(port, [route("be")], [dispatch("side", 2, authority="side")])],
                      [cluster("be", ports["plain"]), cluster("side", ports["delayed"][0])])
        (tmp_path / "request").write_bytes(request(host="bench.test"))

        def generate(mode, *options, process=False):
            given = [load, mode, "--port", str(port), "--request", str(tmp_path / "request"), "--pid",
                     str(proxy.process.pid), *map(str, options)]
            if process:
                return Process(given, cpu, tmp_path / "load.err", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            with Process(given, cpu, tmp_path / "load.err", stdout=subprocess.PIPE) as generator:
                return generator.line(60)

        yield generate
        upstream.child.terminate()
        assert upstream.line(20)["peak"] >= 2


def check(found):
    assert found["failed"] == 0 and found["bad"] == 0 and found["requests"] > 0 and found["cpu_ns"] > 0


def test_closed_loop_and_churn(scene):
    found = scene("closed", "--connections", 8, "--seconds", 0.3, "--warmup", 0.1)
    check(found)
    assert found["total"] >= found["requests"] and found["connects"] == 8
    assert found["p50_us"] >= 20_000  # The side requests take so long.
    assert found["p50_us"] <= found["p99_us"] <= found["max_us"]
    found = scene("closed", "--connections", 4, "--seconds", 0.3, "--churn")
    check(found)
    assert found["connects"] >= found["total"]


def test_open_loop_counts_from_the_time_that_was_due(scene):
    """With one connection, and more requests due than it can take, each waits for those before it."""
    found = scene("open", "--connections", 1, "--rate", 200, "--seconds", 0.5)
    check(found)
    assert found["backlog"] > 10
    assert found["max_us"] > 150_000


def test_storm_and_hold(scene):
    found = scene("storm", "--connections", 50, "--storms", 2)
    check(found)
    assert found["requests"] == found["total"] == found["connects"] == 100
    with scene("hold", "--connections", 30, "--prime", process=True) as generator:
        assert generator.line(30) == {"ready": 30}
        generator.child.stdin.write(b"go\n")
        generator.child.stdin.flush()
        found = generator.line(30)
    check(found)
    assert found["requests"] == 30 and found["total"] == 60

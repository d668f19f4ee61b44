"""What Holdfast is held to, and whether a record shows it."""
import json
from dataclasses import dataclass

from . import BENCH
from .cases import FEW_HELD

NO_RESULT = "not measured"


@dataclass(frozen=True)
class Goal:
    """`measured` as shown, None = not measured; `met` is False then, too: an open goal is not a met one."""

    what: str
    goal: str
    measured: str
    met: bool
    known: bool = True

    @property
    def verdict(self):
        return ("yes" if self.met else "**no**") if self.known else NO_RESULT


def at_most(what, value, limit, text="{:.2f}", spread=None):
    shown = text.format(limit)
    if value is None:
        return Goal(what, f"at most {shown}", "-", False, known=False)
    found = text.format(value)
    if spread:
        found += f" ({text.format(spread[0])} to {text.format(spread[1])})"
    return Goal(what, f"at most {shown}", found, value <= limit)


def ratio(record, what, case, peer, other, limit, key="cpu_us", text="{:.2f}"):
    found = record.ratio(case, key, peer, other)
    return at_most(what, found and found[0], limit, text, found and found[1])


PASS = (("pass", "small GET", 0.85), ("pass1k", "1,000 connections", 0.68), ("post", "4 KiB body", 0.88),
        ("churn", "a connection per request", 0.87), ("big", "64 KiB response", 0.45), ("huge", "4 MiB response", 0.35))
FAN = (("fan3", 0.60, 0.48), ("fan10", 0.72, 0.45), ("fan100", 0.54, 0.34))


def pass_goals(record):
    for case, what, limit in PASS:
        yield ratio(record, f"{case} ({what}): CPU / nginx's", case, "ours", "nginx", limit)
    yield ratio(record, "pass: CPU / the floor's", "pass", "ours", "floor", 1.10)
    for case, _, _ in PASS:
        found = record.ratio(case, "cpu_us", "ours", "haproxy")
        goal = at_most(f"{case}: HAProxy behind us (our CPU / its)", found and found[0], 1.0, spread=found and found[1])
        yield Goal(goal.what, "below 1.00", goal.measured, goal.met and found[0] < 1, goal.known)
    found = record.ratio("pass", "cpu_us", "envoy", "ours")
    spread = f" ({found[1][0]:.1f} to {found[1][1]:.1f})" if found and found[1] else ""
    yield Goal("pass: Envoy's CPU / ours", "at least 3.0", f"{found[0]:.1f}{spread}" if found else "-",
               bool(found) and found[0] >= 3, known=bool(found))
    yield ratio(record, "pass with 1,000 virtual hosts and 1,000 clusters: CPU / the small configuration's", "pass",
                "ours-1000-hosts", "ours", 1.05)


def fan_goals(record):
    for case, limit, _ in FAN:
        yield ratio(record, f"{case}: CPU / nginx + Lua's", case, "ours", "nginx-lua", limit)
    for case, _, _ in FAN:
        yield ratio(record, f"{case}: CPU / that of Envoy with the plugin", case, "ours", "envoy-wasm", 0.07, text="{:.3f}")
    for case, _, _ in FAN:
        yield ratio(record, f"{case}: CPU / that of Envoy with the plugin, its side requests without Host", case, "ours",
                    "envoy-wasm-empty", 0.07, text="{:.3f}")
    yield ratio(record, "fan3 by the plugin: CPU / that of Envoy with it", "fan3", "ours-wasm", "envoy-wasm", 0.12, text="{:.3f}")
    yield ratio(record, "fan3 by the plugin: CPU / the dispatch filter's", "fan3", "ours-wasm", "ours", 1.6)
    for case, _, limit in FAN:
        yield ratio(record, f"{case}, pipelined: CPU / nginx + Lua's", case, "ours-pipelined", "nginx-lua", limit)


def latency_goals(record):
    yield ratio(record, "p99 at half of saturation / nginx's", "latency", "ours", "nginx", 1.0, key="p99_us")


def held_goals(record):
    kinds = (("", "ours", "3 side requests"), ("1", "ours", "1 side request"),
             ("", "ours-pipelined", "3 side requests, pipelined"))
    for case, peer, what in kinds:
        each, count = (record.median("held" + case, peer, key) for key in ("bytes_each", "connections"))
        yield at_most(f"memory of a held response with {what}{at_once(count)} (KiB)", each and each / 1024, 8.0, "{:.1f}")
    for case, peer, what in kinds:
        found, count = (record.median("held-cost" + case, peer, key) for key in ("ratio", "connections"))
        yield at_most(f"{what}{at_once(count)}: CPU per request / with {FEW_HELD} held, at one rate", found, 1.3)


def at_once(count):
    return f", {count:,.0f} held at once" if count else ", 10,000 held at once"


def size_goals(record, budget):
    starts = [value for peers in record.cases.values() if "ours" in peers for value in peers["ours"].values("rss_start_kib")]
    yield at_most("resident memory of a worker process at rest (MiB)", max(starts) / 1024 if starts else None, 10.0, "{:.1f}")
    size = record.newest("binary_bytes")
    yield at_most("binary, stripped (MB)", size and size / 1e6, 10.0, "{:.1f}")
    log = budget["pass-log"]["instructions"] / budget["pass"]["instructions"] if budget else None
    yield at_most("instructions with the JSON access log / without (tests/bench/budget.json)", log, 1.25)


def judge(record, budget=None):
    if budget is None:
        budget = json.loads((BENCH / "budget.json").read_text())
    return [*pass_goals(record), *fan_goals(record), *latency_goals(record), *held_goals(record), *size_goals(record, budget)]

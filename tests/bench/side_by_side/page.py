"""The tables, as Markdown, and docs/performance.md, which is tests/bench/performance.in.md with the tables in it."""
import re

from . import BENCH
from .cases import CASES, FEW_HELD, TITLES, yardstick

ENOUGH_ROUNDS = 5
QUIET = 1.0  # Load average before a run.


def table(head, rows):
    """The first column is text, the others are numbers."""
    rows = list(rows)
    if not rows:
        return "Not measured.\n"
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def number(value, text="{:.1f}", scale=1.0):
    return text.format(value / scale) if value is not None else "-"


def spread(summary, key, text="{:.1f}", scale=1.0):
    value, ends = summary.median(key), summary.spread(key)
    if value is None:
        return "-"
    return f"{number(value, text, scale)} ({number(ends[0], text, scale)} to {number(ends[1], text, scale)})"


def cpu_cell(record, case, peer):
    """CPU time and, in brackets, what it is of the yardstick's."""
    summary = record.cases[case.name].get(peer)
    if summary is None:
        return ""
    if not summary:
        return "errors"
    text = number(summary.median("cpu_us"))
    ratio = record.ratio(case.name, "cpu_us", peer, yardstick(case))
    return f"{text} ({ratio[0]:.2f})" if ratio else text


def cpu_table(record, fan):
    cases = record.ordered("closed", fan)
    present = [peer for peer in TITLES if any(peer in record.cases[case.name] for case in cases)]
    rows = ([f"`{case.name}`: {case.what}"] + [cpu_cell(record, case, peer) for peer in present] for case in cases)
    return table(["case", *(TITLES[peer] for peer in present)], rows)


def peers_of(record, case):
    return ((peer, record.cases[case.name][peer]) for peer in TITLES if peer in record.cases[case.name])


def latency_table(record):
    rows = []
    for case in record.ordered("open"):
        for peer, summary in peers_of(record, case):
            rows.append([f"`{case.name}`: {TITLES[peer]}", number(summary.median("rate"), "{:,.0f}"),
                         number(summary.median("p50_us"), "{:,.0f}"), spread(summary, "p99_us", "{:,.0f}"),
                         number(summary.median("p999_us"), "{:,.0f}"), number(summary.median("max_us"), "{:,.0f}"),
                         number(summary.median("cpu_us")), str(summary.errors)])
    return table(["", "requests/s", "p50 us", "p99 us", "p99.9 us", "longest us", "CPU us", "errors"], rows)


def storm_table(record):
    rows = []
    for case in record.ordered("storm"):
        for peer, summary in peers_of(record, case):
            rows.append([TITLES[peer], spread(summary, "cpu_us"), number(summary.median("p50_us"), "{:.0f}", 1000),
                         number(summary.median("p99_us"), "{:.0f}", 1000), number(summary.median("max_us"), "{:.0f}", 1000),
                         str(summary.errors)])
    return table(["", "CPU us per connection", "half answered, ms", "99 %, ms", "all, ms", "errors"], rows)


def memory_table(record):
    rows = []
    for peer in TITLES:
        starts = [value for name, peers in record.cases.items() if peer in peers and CASES[name].kind in ("closed", "idle")
                  for value in peers[peer].values("rss_start_kib")]
        idle, held1, held = (record.cases.get(case, {}).get(peer) for case in ("idle", "held1", "held"))
        busy = record.median("pass1k", peer, "rss_kib")
        if not starts or peer == "floor":
            continue
        rows.append([TITLES[peer], number(min(starts), scale=1024), number(busy, scale=1024),
                     number(idle.median("bytes_each") if idle else None, "{:,.0f}"),
                     held_cell(held1), held_cell(held),
                     str(sum(summary.errors for summary in (idle, held1, held) if summary is not None))])
    return table(["", "at rest, MiB", "after `pass1k`, MiB", "bytes per idle connection", "bytes per held response, 1 side request",
                  "3 side requests", "errors"],
                 rows)


def held_cell(summary):
    if not summary:
        return "-"
    return f"{summary.median('bytes_each'):,.0f} ({summary.median('connections'):,.0f} at once)"


def held_table(record):
    rows = []
    for case in record.ordered("held_cost"):
        for peer, summary in peers_of(record, case):
            rows.append([f"`{case.name}`: {TITLES[peer]}", number(summary.median("rate"), "{:,.0f}"),
                         number(summary.median("held"), "{:,.0f}"),
                         number(summary.median("cpu_us_few")), number(summary.median("cpu_us")),
                         spread(summary, "ratio", "{:.2f}"), str(summary.errors)])
    return table(["", "requests/s", "most held at once", f"CPU us with {FEW_HELD} held", "CPU us with so many", "ratio",
                  "errors"], rows)


def goal_table(goals):
    rows = [[goal.what, goal.goal, goal.measured, goal.verdict] for goal in goals]
    head = "| | goal | measured | met? |\n|---|---|---|---|\n"
    return head + "".join("| " + " | ".join(row) + " |\n" for row in rows)


def details(record):
    parts = []
    for case in [*record.ordered("closed", False), *record.ordered("closed", True)]:
        rows = ([TITLES[peer], str(summary.rounds), spread(summary, "cpu_us"), number(summary.median("rps"), "{:,.0f}"),
                 number(summary.median("p50_us"), "{:,.0f}"), number(summary.median("p99_us"), "{:,.0f}"),
                 number(summary.median("rss_kib"), scale=1024), str(summary.errors)]
                for peer, summary in peers_of(record, case))
        parts.append(f"**{case.name}**: {case.what}\n\n" + table(
            ["", "rounds", "CPU us per request", "requests/s", "p50 us", "p99 us", "RSS MiB", "errors"], rows))
    return "\n".join(parts) or "Not measured.\n"


def machine_text(record):
    machine, versions = record.newest("machine"), record.newest("versions")
    kind = "virtual machine, " if machine["virtual"] else ""
    lines = [f"{kind}{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
             f"{machine['system']}; load average before: " + ", ".join(str(run["machine"]["load"]) for run in record.runs) + ".",
             "", ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    for run in record.runs:
        settings = run["settings"]
        lines.append(f"Run of {run['started']}: {rounds(settings['rounds'])} of {settings['seconds']:g} s, "
                     f"{run.get('minutes', '?')} minutes, CPUs {settings['cpus']}, {settings['files']:,} descriptors.")
    missing = {name: what for run in record.runs for name, what in run["missing"].items()}
    lines += [f"Without {TITLES[name]}: needs {what}." for name, what in missing.items()]
    return "\n".join(lines) + "\n"


def rounds(count):
    return f"{count} round{'s' if count != 1 else ''}"


def provisional(record):
    """What to say first of figures that are few, or were taken while others used the machine."""
    least, load = record.least_rounds(), max(run["machine"]["load"] for run in record.runs)
    reasons = [f"{rounds(least)} where {ENOUGH_ROUNDS} are wanted"] if least < ENOUGH_ROUNDS else []
    if load > QUIET:
        reasons.append(f"a busy machine (load average {load})")
    if not reasons:
        return ""
    return (f"> **Provisional**: {' and '.join(reasons)}. The figures show that the benchmark works, not what the proxies "
            "cost.\n")


def tables(record, goals):
    parts = [
        ("Machine", machine_text(record)),
        ("CPU time per request, us (in brackets: of nginx's)", cpu_table(record, False)),
        ("CPU time per held response, us (in brackets: of nginx + Lua's)", cpu_table(record, True)),
        ("Latency at half of saturation", latency_table(record)),
        ("Connection storm", storm_table(record)),
        ("Memory", memory_table(record)),
        ("Many held", held_table(record)),
        ("Every case", details(record)),
        ("Goals", goal_table(goals)),
    ]
    return provisional(record) + "\n".join(f"## {title}\n\n{text}" for title, text in parts)


def page(record, goals):
    met, known = sum(goal.met for goal in goals), sum(goal.known for goal in goals)
    values = {
        "provisional": provisional(record),
        "machine": machine_text(record),
        "pass": cpu_table(record, False),
        "fan": cpu_table(record, True),
        "latency": latency_table(record),
        "storm": storm_table(record),
        "memory": memory_table(record),
        "held": held_table(record),
        "details": details(record),
        "goals": goal_table(goals),
        "count": f"{met} of {len(goals)} are met, {known - met} are not, {len(goals) - known} were not measured.\n",
    }
    template = (BENCH / "performance.in.md").read_text()
    return re.sub(r"\{\{(\w+)\}\}\n?", lambda match: values[match.group(1)] and values[match.group(1)] + "\n", template)

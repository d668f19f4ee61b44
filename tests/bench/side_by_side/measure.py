"""How a sample is taken: one peer, one case, one round."""
import contextlib
import json
import math
import re
import select
import signal
import subprocess
import time

from . import configs
from .cases import FEW_HELD, HOST, REFUSED
from .peers import Backend
from .process import Failed, Process, free_port, get, wait_answer

SIDE_PORTS = 4
STORMS = 3
# Requests per second until all are held, so slow that the pool of the main upstream stays small; and seconds until side
# requests are answered, which is longer than that takes.
FILL = {"envoy-wasm": (1000.0, 14.0), "nginx-lua": (2000.0, 9.0)}
FILL_OTHERS = (4000.0, 8.0)
HELD_RATE, HELD_SHARE = 6000.0, 0.35  # Requests per second of held-cost, and at most which share of what a closed loop does.
CALIBRATION = 1.0
SPARE = 1.25  # Clients per response that is to be held.


class Laboratory:
    """The machine's CPUs, the upstream, the settings. Use as a context manager."""

    def __init__(self, programs, peers, run, cpus, files, seconds, warmup):
        self.programs = programs
        self.peers = peers
        self.run = run
        self.load_cpu, self.upstream_cpu = cpus
        self.files = files
        self.seconds = seconds
        self.warmup = warmup
        self.port = free_port()
        self.refused = run / "refused.log"
        self.saturation = {}  # By case and peer.

    def __enter__(self):
        (self.run / "www").mkdir()
        for name, size in (("64k", 65536), ("4m", 4 << 20)):
            (self.run / "www" / name).write_bytes(b"x" * size)
        path = self.run / "backend.conf"
        path.write_text(configs.fill("backend.conf", BACKEND=self.port, RUNDIR=self.run, FILES=self.files))
        self.process = Process([self.programs.nginx, "-c", path], self.upstream_cpu, self.run / "backend.err")
        wait_answer(self.process, self.port, HOST)
        return self

    def __exit__(self, *_):
        self.process.stop()

    def backend(self):
        return Backend(self.port, [self.port])

    def upstream_requests(self):
        answer = get(self.port, "/status", HOST)
        return int(re.search(r"requests\n\s*\d+\s+\d+\s+(\d+)", answer.replace("\r", "")).group(1))

    def late_upstream(self, delay):
        """A process of the upstream that answers late, and its Backend."""
        command = [self.programs.load, "upstream", "--delayed", str(SIDE_PORTS), "--delay-ms", str(delay * 1000)]
        process = Process(command, self.upstream_cpu, self.run / "late.err", stdout=subprocess.PIPE)
        ports = process.line(10)
        return process, Backend(ports["plain"], ports["delayed"], late=True)

    def most_held(self, case, name, spare=1.0):
        """How many responses the descriptors of one process allow to be held at once: each takes a client's connection
        (`spare`: so many are there for each), and one per side request, or as few as pipelining needs. A part is left for
        the connections to the main upstream, whose number jumps after each stall of the machine."""
        side = math.ceil(case.fan / self.peers.depth(case.fan)) if name == "ours-pipelined" else case.fan
        return min(case.connections, int((self.files * 0.85 - 600) / (spare + side + 0.02)))

    def arguments(self, mode, case, peer, connections, **options):
        request = self.run / f"{case.name}.request"
        request.write_bytes(case.request())
        arguments = [self.programs.load, mode, "--port", peer.port, "--request", request, "--connections", connections]
        for name, value in options.items():
            arguments += ["--" + name] if value is True else ["--" + name, value]
        if case.churn:
            arguments.append("--churn")
        for pid in peer.pids:
            arguments += ["--pid", pid]
        return list(map(str, arguments))

    def load(self, mode, case, peer, connections, patience=90, **options):
        """Run the load generator; returns what it prints."""
        process = Process(self.arguments(mode, case, peer, connections, **options), self.load_cpu, self.run / "load.err",
                          stdout=subprocess.PIPE)
        with process:
            return process.line(patience)

    def checked_load(self, mode, case, name, peer, connections, **options):
        """As load(), and the upstream must have seen what it should have. Adds `errors`."""
        before = self.upstream_requests()
        refused = self.refused.read_text().count("\n")
        found = self.load(mode, case, peer, connections, **options)
        asked = self.upstream_requests() - before - 1
        refused = self.refused.read_text().count("\n") - refused
        expected = found["total"] * (1 + case.fan)
        astray = max(0, abs(asked - expected) - expected // 1000)
        found["errors"] = found["failed"] + found["bad"] + (0 if name == REFUSED else refused + astray)
        return found


def figures(found, peer):
    """The sample: what all kinds have."""
    requests = max(1, found["requests"])
    return {
        "cpu_us": found["cpu_ns"] / 1000 / requests,
        "rps": found["requests"] / found["seconds"] if found["seconds"] else 0,
        "p50_us": found["p50_us"],
        "p99_us": found["p99_us"],
        "p999_us": found["p999_us"],
        "max_us": found["max_us"],
        "rss_start_kib": peer.rss_at_start,
        "rss_kib": peer.rss(),
        "requests": found["requests"],
        "errors": found["errors"],
    }


def closed(laboratory, case, name):
    peer = laboratory.peers.start(name, case, laboratory.backend())
    with peer.process:
        found = laboratory.checked_load("closed", case, name, peer, case.connections, seconds=laboratory.seconds,
                                        warmup=laboratory.warmup)
        return figures(found, peer)


def saturation(laboratory, case, name):
    """Requests per second of a closed loop of 64 connections; measured once for each peer."""
    key = case.name, name
    if key not in laboratory.saturation:
        peer = laboratory.peers.start(name, case, laboratory.backend())
        with peer.process:
            found = laboratory.load("closed", case, peer, min(case.connections, 64), warmup=laboratory.warmup,
                                    seconds=min(CALIBRATION, 2 * laboratory.seconds))
        laboratory.saturation[key] = found["requests"] / found["seconds"]
    return laboratory.saturation[key]


def open_rate(laboratory, case, name, yardstick):
    """Half of the yardstick's saturation for all, or half of its own for a peer that cannot do so much."""
    own = saturation(laboratory, case, name)
    if yardstick in laboratory.peers.missing:
        return own / 2
    return min(own, saturation(laboratory, case, yardstick)) / 2


def open(laboratory, case, name):  # The kind's name.
    rate = open_rate(laboratory, case, name, "nginx-lua" if case.fan else "nginx")
    peer = laboratory.peers.start(name, case, laboratory.backend())
    with peer.process:
        found = laboratory.checked_load("open", case, name, peer, case.connections, seconds=2 * laboratory.seconds,
                                        warmup=laboratory.warmup, rate=rate)
        return {**figures(found, peer), "rate": rate, "backlog": found["backlog"], "late_us": found["late_us"]}


def storm(laboratory, case, name):
    peer = laboratory.peers.start(name, case, laboratory.backend())
    with peer.process:
        return figures(laboratory.checked_load("storm", case, name, peer, case.connections, storms=STORMS), peer)


@contextlib.contextmanager
def holding(laboratory, case, peer, connections, **options):
    """The load generator in its mode `hold`, with all connections made."""
    arguments = laboratory.arguments("hold", case, peer, connections, **options)
    process = Process(arguments, laboratory.load_cpu, laboratory.run / "load.err", stdin=subprocess.PIPE,
                      stdout=subprocess.PIPE)
    with process:
        ready = process.line(90)["ready"]
        if ready != connections:
            raise Failed(f"{ready} of {connections} connections were made")
        yield process


def steady_rss(peer):
    """Once it stays as it is."""
    last = -1
    while (now := peer.rss()) != last:
        last = now
        time.sleep(0.3)
    return now


def idle(laboratory, case, name):
    """One request on each connection, then nothing."""
    connections = min(case.connections, (laboratory.files - 1000) // 2)
    peer = laboratory.peers.start(name, case, laboratory.backend())
    with peer.process, holding(laboratory, case, peer, connections, prime=True):
        rss = steady_rss(peer)
        return {"connections": connections, "rss_start_kib": peer.rss_at_start, "rss_kib": rss, "errors": 0,
                "bytes_each": (rss - peer.rss_at_start) * 1024 / connections}


def held(laboratory, case, name):
    """All responses held at once. What grows counts from the proxy with all clients connected and no request yet."""
    connections = laboratory.most_held(case, name)
    rate, hold = FILL.get(name, FILL_OTHERS)
    late, backend = laboratory.late_upstream(hold)
    with late:
        peer = laboratory.peers.start(name, case, backend)
        with peer.process, holding(laboratory, case, peer, connections, rate=rate) as load:
            before = steady_rss(peer)
            load.child.stdin.write(b"go\n")
            load.child.stdin.flush()
            most = before
            while not selected(load):
                most = max(most, peer.rss())
            found = load.line(1)
        peak = last_words(late)["peak"]
    errors = found["failed"] + found["bad"]
    errors += max(0, connections - peak // case.fan)  # Those that were not held when the last one came.
    return {"connections": connections, "rss_start_kib": peer.rss_at_start, "rss_connected_kib": before, "rss_kib": most,
            "errors": errors, "bytes_each": (most - before) * 1024 / connections}


def selected(process, seconds=0.05, patience=90):
    """Whether it has printed something; waits that long for it."""
    process.since = getattr(process, "since", time.monotonic())
    if time.monotonic() - process.since > patience:
        raise Failed("the held responses did not come")
    return select.select([process.child.stdout], [], [], seconds)[0]


def last_words(process):
    process.child.send_signal(signal.SIGTERM)
    return process.line(10)


def held_cost(laboratory, case, name):
    """The same requests per second with few and with many responses held at once: the hold is that much longer."""
    many_held = laboratory.most_held(case, name, SPARE)
    rate = min(HELD_RATE, HELD_SHARE * saturation(laboratory, case, name))
    results = {}
    for label, count in (("few", FEW_HELD), ("many", many_held)):
        hold = count / rate
        late, backend = laboratory.late_upstream(hold)
        with late:
            peer = laboratory.peers.start(name, case, backend)
            with peer.process:
                found = laboratory.load("open", case, peer, int(count * SPARE), rate=rate,
                                        seconds=max(laboratory.seconds, 2 * hold), warmup=max(laboratory.warmup, 2 * hold))
                found["errors"] = found["failed"] + found["bad"] + max(0, found["backlog"] - int(rate / 10))
                results[label] = {**figures(found, peer), "held": last_words(late)["peak"] // case.fan}
    few, many = results["few"], results["many"]
    return {**many, "errors": few["errors"] + many["errors"], "cpu_us_few": few["cpu_us"], "held_few": few["held"],
            "connections": many_held, "ratio": many["cpu_us"] / few["cpu_us"], "rate": rate}


KINDS = {"closed": closed, "open": open, "storm": storm, "idle": idle, "held": held, "held_cost": held_cost}


def rotated(names, number):
    """Another first in each round, and every second round backwards: nobody always follows the same one."""
    names = list(names)
    at = number % len(names)
    turned = names[at:] + names[:at]
    return turned if number % 2 == 0 else turned[::-1]


def measure_case(laboratory, case, names, rounds, say):
    """Samples of a case: [{case, peer, round, ...}]. A peer that fails twice is left out, and that is said."""
    samples, failures = [], {}
    for number in range(min(rounds, case.rounds or rounds)):
        for name in rotated(names, number):
            if failures.get(name, 0) > 1:
                continue
            try:
                sample = KINDS[case.kind](laboratory, case, name)
            except (Failed, OSError, json.JSONDecodeError) as error:
                failures[name] = failures.get(name, 0) + 1
                say(f"{case.name}, {name}: {error}")
                sample = {"errors": 1, "failed": str(error)[:300]}
            samples.append({"case": case.name, "peer": name, "round": number, **sample})
            say(progress(samples[-1]))
    return samples


def progress(sample):
    shown = [f"{sample['case']:13} {sample['peer']:16} round {sample['round'] + 1}"]
    for key, text in (("cpu_us", "{:9.1f} us"), ("rps", "{:9,.0f}/s"), ("p99_us", "p99 {:8.0f} us"),
                      ("bytes_each", "{:9,.0f} bytes each"), ("ratio", "x {:.2f}")):
        if key in sample:
            shown.append(text.format(sample[key]))
    if sample["errors"]:
        shown.append(f"{sample['errors']} ERRORS")
    return "  ".join(shown)


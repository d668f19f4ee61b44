"""Runs one case (YAML + bytes) against one proxy and writes down all that can be seen from outside.

An observation is plain JSON: the responses as the client read them, what became of the client's connection, the
requests as the upstream (and the dispatch target) saw them, and the access log line where a case asks for it.
Times, ids and this machine's address are masked; nothing else is.
"""
import hashlib
import json
import os
import re
import time
from dataclasses import dataclass, field

from harness import (
    Blackhole,
    Closed,
    Proxy,
    ScriptedUpstream,
    Timeout,
    Wire,
    dispatch,
    free_port,
    mask_headers,
    request,
    wait_until,
    wasm_v8,
)

HERE = os.path.dirname(os.path.abspath(__file__))
FATE = request(target="/__fate", host="fate.test")
LONG = 400  # Longer bodies and values are recorded by length and digest.


@dataclass
class Read:
    """Step: read one response (to a request of that method); a cut body is recorded as such."""

    method: str = "GET"


@dataclass
class Arrived:
    """Step: wait until the client has got the first bytes of an answer."""


@dataclass
class WaitUpstream:
    """Step: wait until the upstream has seen so many requests in this case."""

    count: int


@dataclass
class WaitSide:
    """Step: wait until the dispatch target has seen so many requests in this case."""

    count: int


@dataclass
class Tell:
    """Step: let the upstream's script go on (UpstreamConnection.wait_told)."""


@dataclass
class HalfClose:
    """Step: the client shuts down its sending side."""


@dataclass
class Leave:
    """Step: the client closes its connection."""


@dataclass
class Fresh:
    """Step: the client goes on with a connection of its own."""


@dataclass
class WaitEof:
    """Step: the proxy closes, without a byte; recorded as the response "<closed>"."""


@dataclass
class Case:
    """`send`: bytes, or a list of bytes and steps. Bytes alone mean: send, then Read(method)."""

    name: str
    config: str  # File under config/ and listener in it: "basic:plain".
    send: object
    upstream: object = None  # Script of the cluster `be`; default: 200, x-up: 1, "hello\n".
    side: object = None  # Script of the dispatch target.
    method: str = "GET"
    fate: str = "probe"  # "probe": a further request tells; "eof": wait for the close; "none": not looked at.
    log: bool = False
    better: str = ""  # Why Holdfast differs on purpose; then `holdfast` tells what replaces Envoy's observation:
    holdfast: dict = field(default_factory=dict)  # key -> value, or key -> function of Envoy's value.

    @property
    def steps(self):
        return [self.send, Read(self.method)] if isinstance(self.send, bytes) else self.send

    def expected(self, recorded):
        """What Holdfast should show, given what Envoy has shown."""
        result = dict(recorded)
        for key, value in self.holdfast.items():
            result[key] = value(recorded.get(key)) if callable(value) else value
        return result


class Stage:
    """One running proxy of one configuration file with its upstreams."""

    def __init__(self, kind, binary, name, directory, wasm=None):
        self.be = ScriptedUpstream()
        self.side = ScriptedUpstream()
        self.blackhole = Blackhole()
        self.log = os.path.join(str(directory), "access.log")
        with open(os.path.join(HERE, "config", name + ".yaml"), encoding="utf-8") as file:
            template = file.read()
        self.ports = {"be": self.be.port, "side": self.side.port, "blackhole": self.blackhole.port}

        def fill(match):
            word = match.group(1)
            if word == "log":
                return self.log
            if word.startswith("dispatch_"):
                _, cluster, count = word.split("_")
                maker = wasm_v8(wasm, cluster, int(count)) if kind == "envoy" else dispatch(cluster, int(count))
                return json.dumps(maker)
            if word not in self.ports:
                self.ports[word] = free_port()
            return str(self.ports[word])

        text = re.sub(r"@(\w+)@", fill, template.split("\n", 1)[1])
        self.proxy = Proxy(kind, binary, text, directory, self.ports["admin"])
        self.proxy.start()

    def stop(self):
        self.proxy.stop()
        self.be.stop()
        self.side.stop()
        self.blackhole.stop()


def observe(case, stage):
    """Run the case; the observation."""
    stage.be.settle(case.upstream)
    stage.side.settle(case.side)
    listener = case.config.split(":")[1]
    log_start = _log_size(stage, listener) if case.log else 0
    wire = Wire.connect(stage.ports[listener])
    responses = []
    try:
        for step in case.steps:
            if isinstance(step, Fresh):
                wire.close()
                wire = Wire.connect(stage.ports[listener])
            else:
                _do(step, wire, stage, responses)
        seen = [_request(message) for message in list(stage.be.requests)]
        calls = [_request(message) for message in list(stage.side.requests)]
        fate = _fate(case, wire)
    finally:
        wire.close()
    observation = {"responses": responses, "fate": fate, "upstream": _relative(seen), "calls": _strip(calls)}
    if case.log:
        observation["log"] = _read_log(stage, listener, log_start)
    if stage.be.errors or stage.side.errors:
        observation["upstream_errors"] = stage.be.errors + stage.side.errors
    return observation


def _do(step, wire, stage, responses):
    if isinstance(step, bytes):
        wire.try_send(step)
    elif isinstance(step, Read):
        try:
            responses.append(_response(wire.read_response(step.method, partial=True)))
        except Closed:
            responses.append("<closed>")
    elif isinstance(step, Arrived):
        wire.buffer or wire.fill(time.monotonic() + 10)
    elif isinstance(step, WaitUpstream):
        stage.be.wait_requests(step.count)
    elif isinstance(step, WaitSide):
        stage.side.wait_requests(step.count)
    elif isinstance(step, Tell):
        stage.be.tell()
    elif isinstance(step, HalfClose):
        wire.half_close()
    elif isinstance(step, Leave):
        wire.close()
    elif isinstance(step, WaitEof):
        responses.append("<closed>" if wire.closed_within(5) else "<not closed>")
    else:
        step(stage)


def _fate(case, wire):
    if case.fate == "none":
        return "not looked at"
    if case.fate == "eof":
        try:
            rest = wire.read_to_eof(5)
            return "closed" if not rest else f"closed after {rest[:LONG]!r}"
        except Timeout:
            return "open"
    wire.try_send(FATE)
    try:
        reply = wire.read_response()
        return "open" if reply.status == 200 else f"unexpected {reply!r}"
    except Closed:
        return "closed"


def _short(text):
    if len(text) <= LONG:
        return text
    return f"<{len(text)} bytes, sha256 {hashlib.sha256(text.encode('latin-1')).hexdigest()[:16]}>"


def _headers(message):
    return [[name, _short(value)] for name, value in mask_headers(message.headers)]


def _response(message):
    return {
        "line": message.start_line,
        "headers": _headers(message),
        "body": _short(message.body.decode("latin-1")),
        "trailers": [list(pair) for pair in message.trailers],
        "complete": message.complete,
    }


def _request(message):
    return {
        "line": _short(message.start_line),
        "headers": _headers(message),
        "body": _short(message.body.decode("latin-1")),
        "trailers": [list(pair) for pair in message.trailers],
        "connection": message.connection,
    }


def _relative(requests):
    """Connections numbered by first use in this case."""
    numbers = {}
    for item in requests:
        item["connection"] = numbers.setdefault(item["connection"], len(numbers) + 1)
    return requests


def _strip(calls):
    """Side calls race each other: which connection carries which is not part of the observation."""
    for item in calls:
        del item["connection"]
    return calls


def _log_path(stage, listener):
    return f"{stage.log}.{listener}"


def _log_size(stage, listener):
    """Size once the lines of earlier cases are written: it is stable when the earlier case's own line was read."""
    path = _log_path(stage, listener)
    return os.path.getsize(path) if os.path.exists(path) else 0


def _read_log(stage, listener, start):
    def line():
        if _log_size(stage, listener) <= start:
            return None
        with open(_log_path(stage, listener), encoding="utf-8") as file:
            file.seek(start)
            text = file.read()
        return text if text.endswith("\n") else None

    return [_mask_log(text, stage) for text in wait_until(line, 15, "the access log line").splitlines()]


def _mask_log(text, stage):
    text = re.sub(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\]", "[<time>]", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid4>", text)
    text = text.replace(f"127.0.0.1:{stage.be.port}", "<be>")
    for name, port in stage.ports.items():
        text = re.sub(rf"\b{port}\b", "<port>", text) if name.startswith("everywhere") else text
    dead = stage.ports.get("dead")
    text = text.replace(f"127.0.0.1:{dead}", "<dead>") if dead else text
    # Default format: ... code flags received sent DURATION SERVICE-TIME "xff" ...
    return re.sub(r'(" \d+ \S+ \d+ \d+) \d+ (?:(-)|\d+) "', lambda m: f'{m[1]} <ms> {m[2] or "<ms>"} "', text)


def wait_seconds(seconds):
    """Step for cases about time itself: the client stays silent for so long."""

    def step(_stage):
        deadline = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= deadline, seconds + 5)

    return step


def differences(expected, seen, path=""):
    """Readable lines: where two observations differ, and how."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        keys = list(expected) + [key for key in seen if key not in expected]
        return [line for key in keys for line in differences(expected.get(key), seen.get(key), f"{path}.{key}")]
    if isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen) and path.count(".") < 2:
        return [line for i, pair in enumerate(zip(expected, seen)) for line in differences(*pair, f"{path}[{i}]")]
    return [] if expected == seen else [f"{path or 'all'}:\n  expected {expected!r}\n  seen     {seen!r}"]

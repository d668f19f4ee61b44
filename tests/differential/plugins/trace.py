"""Reads what a proxy wrote about its plugins: Envoy's log format, the logger `wasm`, at level trace.

What differs from run to run is masked: addresses in the VM, lengths of lines, call ids, ports, times. Context ids, counts
and sizes of bodies stay.
"""
import re
import time
from dataclasses import dataclass

LINE = re.compile(r"^\[[^\]]*\]\[(\d+)\]\[(\w+)\]\[(\w+)\] \[[^\]]*\] (.*)$")
STEP = re.compile(r"\[(host->vm|vm->host|vm<-host|host<-vm)\] (?:env\.|wasi_snapshot_preview1\.)?(\w+)(.*)$")
LOGGED = re.compile(r" *proxy_log\(.*\) = 0$")  # Its line is among the logs.
SYSTEM = re.compile(r" *(?:proxy_on_memory_allocate|malloc|(?!proxy_)[a-z]\w+)\(")
DATA = 65536  # Where the plugins' texts begin: larger numbers are addresses.
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
# Properties whose value, or whose size, differs from run to run.
VARYING = re.compile(r"\b((?:request|response|upstream|source|destination)\.\w*"
                     r"(?:time|duration|latency|port|total_size)|response\.headers_bytes) = \[8\] 0x\w+")
SIZED = re.compile(r"\b((?:\w+\.)?(?:\w*address|headers|id|host)) = \[\d\d+\] (?:0x(\w{8})\w*)?")
# Calls with an id that the host has chosen: which parameter, and what it names.
IDS = (
    (("proxy_on_http_call_response", "proxy_on_grpc_close"), 1, ""),
    (("proxy_on_queue_ready",), 1, "q"),
    (("proxy_enqueue_shared_queue", "proxy_dequeue_shared_queue"), 0, "q"),
)


@dataclass
class Line:
    thread: int
    level: str
    text: str


def parse(text, pid):
    """The lines of the logger `wasm` that no main thread wrote; a message may have several lines."""
    lines = []
    current = None
    for raw in text.split("\n"):
        match = LINE.match(raw)
        if match:
            current = Line(int(match[1]), match[2], match[4])
            if match[3] == "wasm" and current.thread != pid:
                lines.append(current)
        elif current is not None and raw:
            current.text += "\n" + raw
    return lines


def silence(look, seconds):
    """A condition for wait_until(): nothing new has come for so long."""
    state = [None, time.monotonic()]

    def check():
        now = len(look())
        if now != state[0]:
            state[0], state[1] = now, time.monotonic()
        return time.monotonic() - state[1] >= seconds

    return check


def ended(lines):
    """Every stream's context that was created has been deleted."""
    alive = set()
    for line in lines:
        created = re.match(r"\[host->vm\] proxy_on_context_create\((\d+), [1-9]", line.text)
        deleted = re.match(r"\[host->vm\] proxy_on_delete\((\d+)\)", line.text)
        if created:
            alive.add(created[1])
        if deleted:
            alive.discard(deleted[1])
    return not alive


def last_start(lines):
    """Those of the last thread that started plugins: the worker."""
    calls = [line for line in lines if line.text.startswith("[host->vm] ")]
    return [line for line in lines if line.thread == calls[-1].thread] if calls else []


class Masks:
    def __init__(self, ports):
        self.ports = {f"127.0.0.1:{port}": f"<{name}>" for name, port in ports.items()}
        self.numbers = {str(port): f"<{name} port>" for name, port in ports.items()}
        self.ids = {}

    def text(self, text):
        for address, name in self.ports.items():
            text = text.replace(address, name)
        text = re.sub(r"127\.0\.0\.1:\d{4,5}", "<peer>", text)
        text = UUID.sub("<uuid4>", text)
        text = re.sub(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", "<date>", text)
        text = re.sub(r"(x-envoy-upstream-service-time: )\d+", r"\1<ms>", text)
        text = VARYING.sub(r"\1 = [8] <varies>", text)
        text = SIZED.sub(lambda m: f"{m[1]} = [<n>] " + (f"0x{m[2]}<varies>" if m[2] else ""), text)
        return text

    def logs(self, lines):
        return [f"{line.level} {self.text(line.text)}" for line in lines if line.text.startswith("wasm log")]

    def calls(self, lines, system=True):
        """Calls into the VM at the margin, calls out of it below them, each with its result."""
        out = []
        stack = []
        for line in lines:
            match = STEP.match(line.text)
            if not match:
                continue
            way, name, rest = match.groups()
            if way in ("host->vm", "vm->host"):
                out.append("  " * len(stack) + name + self.arguments(name, rest))
                stack.append(len(out) - 1)
            elif stack:
                result = rest.replace(" return: ", "").replace("void", "-")
                out[stack.pop()] += " = " + ("<p>" if result.isdigit() and int(result) >= DATA else result)
        out = [re.sub(r" = -$", "", text) for text in out]
        return [text for text in out if not LOGGED.match(text) and (system or not SYSTEM.match(text))]

    def arguments(self, name, rest):
        words = re.findall(r"-?\d+", rest)
        words = ["<p>" if word.isdigit() and int(word) >= DATA else word for word in words]
        if name in ("proxy_log", "proxy_on_memory_allocate", "malloc"):
            words[-1:] = ["<n>"]
        if name == "proxy_set_header_map_pairs" and words[0] == "2":
            words[2:3] = ["<n>"]  # Of a response: it may hold milliseconds, in one digit or two.
        if name in ("proxy_increment_metric", "proxy_record_metric", "proxy_get_metric"):
            words[0] = "<id>"  # A metric defined again has a new one in Envoy.
        for names, at, mark in IDS:
            if name in names and len(words) > at:
                words[at] = self.ids.setdefault(mark + words[at], f"#{mark}{len(self.ids) + 1}")
        return f"({', '.join(words)})"

    def admin(self, reply):
        status, text = reply
        lines = [self.text(line) for line in text.splitlines()]
        return [str(status), *lines]

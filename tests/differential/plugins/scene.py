"""One plugin scenario on a stage of its own: one proxy, one listener `main`, its plugins, clusters be, side, dead, nobody.

The observation adds to the runner's: the lines that plugins have logged, the calls between host and VM (both from the
process's log, in order, of its worker), what the admin server was asked, the access log, and how a start ended.
"""
import os
import sys
from dataclasses import dataclass, field

from harness import TYPE, Proxy, ScriptedUpstream, bootstrap, cluster, free_port, listener, route, wait_until
from runner import Case, observe
from . import trace

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "plugins"))

import weave  # noqa: E402

BUILT = os.path.join(weave.ROOT, "build", "plugins")
QUIET = 0.12  # Seconds without a new line of the log, after all contexts have ended.
PATIENCE = 4.0
TRACE = ("--component-log-level", "wasm:trace")


@dataclass
class Plugin:
    """A plugin in the chain. `wat` names a file of tests/plugins/wat; instead of it, `built` names a module that
    tests/plugins/build makes, and `file` is any path."""

    wat: str = ""
    mode: object = ""  # The configuration: a text, None for none, or a dict that is the field's value.
    name: str = "plug"
    root: str = "root"
    vm: str = "vm"
    parameters: dict = field(default_factory=dict)  # Of the WAT text.
    extra: dict = field(default_factory=dict)  # Fields of PluginConfig.
    vm_extra: dict = field(default_factory=dict)  # Fields of VmConfig.
    file: str = ""
    built: str = ""

    @property
    def path(self):
        return self.file or (os.path.join(BUILT, self.built + ".wasm") if self.built else "")


@dataclass
class Scenario(Case):
    plugins: list = field(default_factory=list)
    routes: list = None
    hcm: dict = field(default_factory=dict)
    clusters: dict = field(default_factory=dict)  # Extra fields of all clusters.
    bootstrap: dict = field(default_factory=dict)
    args: tuple = TRACE
    start: bool = False  # Also record what the start of the worker's VM calls and logs.
    stops: bool = False  # Also record what the end of the process calls.
    refuses: bool = False  # The process does not start: nothing else is recorded.
    until: tuple = ()  # Texts that the log must have before the scenario is over.
    admin: tuple = ()  # Paths asked for at the end; lines that have no digit of a time in them are recorded.
    traced: bool = True  # Record the calls between host and VM,
    system: bool = True  # also those of the system (WASI) and of the allocator,
    errors: bool = True  # and lines at level error: a Go panic writes its stack there.
    oracle_can_not: str = ""  # Why Envoy can't be asked.
    ignores: tuple = ()  # What is not compared of Holdfast: `better` says why it is another.
    stage: type = None  # Of another kind than PluginStage.
    any_order: bool = False  # Of the calls, which are made at once on connections of their own.
    undefined: tuple = ()  # What is not recorded at all: it differs from run to run.

    def expected(self, recorded):
        return {key: value for key, value in super().expected(recorded).items() if key not in self.ignores}
    fate: str = "none"


class PluginStage:
    """One running proxy of one scenario."""

    def __init__(self, kind, binary, scenario, directory):
        self.scenario = scenario
        self.kind = kind
        self.directory = str(directory)
        self.be = ScriptedUpstream()
        self.side = ScriptedUpstream()
        self.log = os.path.join(self.directory, "access.log")
        self.ports = {"be": self.be.port, "side": self.side.port}
        for name in ("main", "admin", "dead"):
            self.ports[name] = free_port()
        self.proxy = Proxy(kind, binary, self.config(), self.directory, self.ports["admin"], scenario.args)
        self.began = 0

    def config(self):
        own = self.scenario
        filters = [self.filter(number, plugin) for number, plugin in enumerate(own.plugins)]
        routes = own.routes or [route("side", "/side"), route("dead", "/dead"), route("be")]
        hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
        if own.routes is None:
            hosts.insert(0, {"name": "other", "domains": ["other.test"], "routes": [route("side")]})
        log = {"@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": self.log + ".main",
               "log_format": {"text_format_source": {
                   "inline_string": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"}}}
        hcm = {"access_log": [{"name": "file", "typed_config": log}], **own.hcm}
        clusters = [
            cluster("be", self.be.port, **own.clusters),
            cluster("side", self.side.port, **own.clusters),
            cluster("dead", self.ports["dead"], **own.clusters),
            {"name": "nobody", "connect_timeout": "1s", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}},
        ]
        return bootstrap([listener(self.ports["main"], filters=filters, virtual_hosts=hosts, hcm=hcm)], clusters,
                         self.ports["admin"], **own.bootstrap)

    def filter(self, number, plugin):
        vm = {"vm_id": plugin.vm, "runtime": "envoy.wasm.runtime.v8",
              "code": {"local": {"filename": plugin.path or self.module(number, plugin)}}, **plugin.vm_extra}
        config = {"name": plugin.name, "root_id": plugin.root, "vm_config": vm, **plugin.extra}
        if isinstance(plugin.mode, dict):
            config["configuration"] = plugin.mode
        elif plugin.mode is not None:
            config["configuration"] = {"@type": TYPE + "google.protobuf.StringValue", "value": plugin.mode}
        return {"name": "envoy.filters.http.wasm",
                "typed_config": {"@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "config": config}}

    def module(self, number, plugin):
        """Holdfast reads the text; Envoy wants a binary."""
        os.makedirs(self.directory, exist_ok=True)
        text = weave.weave(plugin.wat, **plugin.parameters)
        path = os.path.join(self.directory, f"{number}-{plugin.wat}")
        if self.kind == "envoy":
            weave.binary(text, path + ".wasm")
            return path + ".wasm"
        with open(path + ".wat", "w", encoding="utf-8") as file:
            file.write(text)
        return path + ".wat"

    def start(self):
        self.proxy.start()
        wait_until(trace.silence(self.proxy.stderr, QUIET), PATIENCE, "a start that is over")
        self.began = len(self.proxy.stderr())
        return self

    def stop(self):
        self.proxy.stop()
        self.be.stop()
        self.side.stop()

    def lines(self, start=0):
        return trace.parse(self.proxy.stderr()[start:], self.proxy.process.pid)

    def over(self):
        """True when every stream's context is gone and every expected text is there."""
        text = self.proxy.stderr()[self.began :]
        return all(part in text for part in self.scenario.until) and trace.ended(self.lines(self.began))

    def settle(self):
        try:
            wait_until(self.over, PATIENCE)
        except AssertionError:
            pass  # A context that never ends is part of the observation.
        try:
            wait_until(trace.silence(self.proxy.stderr, QUIET), PATIENCE)
        except AssertionError:
            pass


def play(scenario, kind, binary, directory):
    """Run the scenario against that binary; the observation."""
    stage = (scenario.stage or PluginStage)(kind, binary, scenario, directory)
    try:
        return refusal(stage) if scenario.refuses else performance(scenario, stage)
    finally:
        stage.stop()


def refusal(stage):
    stage.proxy.spawn()
    return {"refuses": stage.proxy.wait(15) > 0}


def performance(scenario, stage):
    stage.start()
    seen = observe(scenario, stage)
    del seen["fate"]
    for message in seen["upstream"]:
        del message["connection"]
    stage.settle()
    masks = trace.Masks(stage.ports)
    if stage.proxy.running():
        for path in scenario.admin:
            seen[f"admin {path}"] = masks.admin(stage.proxy.admin(path))
    lines = stage.lines(stage.began)
    seen["logs"] = masks.logs(line for line in lines if scenario.errors or line.level != "error")
    if scenario.traced:
        seen["trace"] = masks.calls(lines, scenario.system)
    if scenario.start:
        start = trace.last_start(trace.parse(stage.proxy.stderr()[: stage.began], stage.proxy.process.pid))
        seen["start logs"] = masks.logs(start)
        seen["start"] = masks.calls(start)
    if scenario.stops:
        before = len(stage.lines())
        stage.proxy.stop()
        seen["stop"] = masks.calls(stage.lines()[before:])
    if scenario.any_order:
        seen["calls"].sort(key=lambda call: call["line"])
    for key in scenario.undefined:
        del seen[key]
    if not scenario.stops and not stage.proxy.running():
        seen["died"] = stage.proxy.process.returncode
    return seen

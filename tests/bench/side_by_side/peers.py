"""The proxies that are compared: how each is configured and started for a case."""
import os
import pathlib
import subprocess
import time

from . import configs
from .cases import HOST
from .process import Failed, Process, family, free_port, rss_kib, wait_answer


class Backend:
    """Where requests go: the port of the main cluster, the ports of the side cluster."""

    def __init__(self, main, side, late=False):
        self.main = main
        self.side = side
        self.late = late


class Peer:
    """One running proxy."""

    def __init__(self, process, port, rss):
        self.process = process
        self.port = port
        self.rss_at_start = rss

    @property
    def pids(self):
        return family(self.process.pid)

    def rss(self):
        return rss_kib(self.process.pid)


class Peers:
    """Starts them. `pipelined`: side requests on one connection for ours-pipelined; 0 = all of a response."""

    def __init__(self, programs, run, cpu, files, pipelined=0):
        self.programs = programs
        self.run = pathlib.Path(run)
        self.cpu = cpu
        self.files = files
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(self.run)}  # Compiled plugins.
        self.pipelined = pipelined
        self.missing = dict(programs.missing)
        if not self.knows_pipelining():
            self.missing["ours-pipelined"] = "a Holdfast whose Dispatch filter has max_pipelined"
        if "ours-wasm" not in self.missing and not self.knows_plugins():
            self.missing["ours-wasm"] = "a Holdfast built with plugins (HOLDFAST_WASM)"

    def depth(self, fan):
        """Side requests of a response on one connection, when pipelined."""
        return min(self.pipelined or fan, fan)

    def knows_pipelining(self):
        return self.takes([configs.dispatch(3, 3)])

    def knows_plugins(self):
        return self.takes([configs.plugin(3, self.programs.wasm, "side")])

    def takes(self, filters):
        path = self.write("probe.json", configs.bootstrap(1024, 1025, [1026], filters))
        return subprocess.run([self.programs.ours, "check", path], env=self.environment, capture_output=True).returncode == 0

    def write(self, name, text):
        path = self.run / name
        path.write_text(text)
        return str(path)

    def command(self, name, case, port, backend):
        programs, fan = self.programs, case.fan
        if name.startswith("ours"):
            pipelined = self.depth(fan) if name == "ours-pipelined" else 0
            filter_ = configs.plugin(fan, programs.wasm, "side") if name == "ours-wasm" else configs.dispatch(fan, pipelined)
            filters = [filter_] if fan else []
            hosts = 1000 if name == "ours-1000-hosts" else 0
            text = configs.bootstrap(port, backend.main, backend.side, filters, hosts)
            return [programs.ours, "-c", self.write(name + ".json", text), "--concurrency", "1", "-l", "off"]
        if name.startswith("envoy"):
            authority = "" if name == "envoy-wasm-empty" else "side"
            filters = [configs.plugin(fan, programs.wasm, authority)] if fan else []
            text = configs.bootstrap(port, backend.main, backend.side, filters)
            return [programs.envoy, "-c", self.write(name + ".json", text), "--concurrency", "1", "--disable-hot-restart",
                    "-l", "off"]
        if name.startswith("nginx"):
            server = name if fan else "nginx-pass"
            text = configs.nginx(server, self.run, port, backend.main, backend.side, fan, backend.late, self.files)
            return [programs.nginx, "-c", self.write(name + ".conf", text)]
        if name == "haproxy":
            text = configs.fill("haproxy.cfg", PORT=port, BACKEND=backend.main, CONNECTIONS=min(16384, self.files // 2 - 200))
            return [programs.haproxy, "-f", self.write("haproxy.cfg", text)]
        addresses = [f"127.0.0.1:{port}", f"127.0.0.1:{backend.main}"]
        return [programs.go, *addresses, str(fan)] if name == "go" else [programs.floor, *addresses]

    def start(self, name, case, backend):
        """A context manager's Process, ready; raises Failed."""
        port = free_port()
        command = list(map(str, self.command(name, case, port, backend)))
        process = Process(command, self.cpu, self.run / f"{name}.err", env=self.environment)
        try:
            process.wait_listening(port)
            if not backend.late:
                answer = wait_answer(process, port, HOST)
                if case.fan and f"total-dispatched: {case.fan}\r\n" not in answer.lower():
                    raise Failed(f"{name} does not dispatch: {answer!r}")
            settle(process)
        except BaseException:
            process.stop()
            raise
        return Peer(process, port, rss_kib(process.pid))


def settle(process, seconds=10):
    """Until it uses no CPU time to speak of: what starts late (workers, plugins) has started."""
    def used():
        total = 0
        for pid in family(process.pid):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total

    deadline, before = time.monotonic() + seconds, -1000
    while time.monotonic() < deadline:
        now = used()
        if now - before <= 1:
            return
        before = now
        time.sleep(0.2)

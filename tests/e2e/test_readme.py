"""README is true: each `console` block is run as written and its output compared; each path it names exists.

Ports are moved to free ones, in the commands and in copies of the shipped configurations alike. Values that change from
run to run (dates, times) are masked on both sides.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest
from proxy import free_port, wait_until
from plugin import ROOT

README = os.path.join(ROOT, "README.md")
MASKS = [
    (re.compile(r"^(date: ).*$", re.M), r"\1<date>"),
    (re.compile(r"^(x-envoy-upstream-service-time: )\d+$", re.M), r"\1<ms>"),
]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def console_blocks():
    """[(title, [(command, expected output)])], in the order of the page."""
    blocks = []
    for number, block in enumerate(re.findall(r"^```console\n(.*?)^```", read(README), re.M | re.S), 1):
        steps = [step.partition("\n")[::2] for step in re.split(r"^\$ ", block, flags=re.M)[1:]]
        blocks.append((f"block{number}", steps))
    return blocks


def mask(text):
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text.replace("\r", "")


class Shell:
    """One bash per block, with `holdfast` in PATH and the shipped configurations beside it, on ports of our own."""

    def __init__(self, directory, holdfast):
        self.ports = {port: str(free_port()) for port in ("18000", "18100", "18001", "18099")}
        self.directory = directory
        os.makedirs(directory / "bin")
        os.symlink(holdfast, directory / "bin" / "holdfast")
        os.makedirs(directory / "config")
        for name in os.listdir(os.path.join(ROOT, "config")):
            (directory / "config" / name).write_text(self.move(read(os.path.join(ROOT, "config", name))))
        self.env = dict(os.environ, PATH=f"{directory / 'bin'}:{os.environ['PATH']}", HOLDFAST_CONCURRENCY="1")
        self.env.pop("HOLDFAST", None)
        # On a terminal curl shows no progress meter; here it would.
        (directory / ".curlrc").write_text("silent\nshow-error\n")
        self.env["CURL_HOME"] = str(directory)
        self.daemons = []
        self.last_code = 0

    def move(self, text):
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", free, text)
        return text

    def back(self, text):
        for port, free in self.ports.items():
            text = text.replace(free, port)
        return text

    def start(self, command):
        daemon = subprocess.Popen(["bash", "-c", "exec " + self.move(command)], cwd=self.directory, env=self.env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.daemons.append(daemon)
        return daemon

    def run(self, command):
        script = f"(exit {self.last_code}); {self.move(command)}"
        done = subprocess.run(["bash", "-c", script], cwd=self.directory, env=self.env, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.last_code = done.returncode
        return self.back(done.stdout)

    def wait_for(self, port):
        def accepts():  # Only connects: the counters that README shows are of its own requests.
            with socket.socket() as sock:
                return sock.connect_ex(("127.0.0.1", int(self.ports[port]))) == 0

        wait_until(accepts, what=f"an answer on the port that README calls {port}")

    def stop(self):
        for daemon in self.daemons:
            daemon.send_signal(signal.SIGTERM)
        return [(daemon.wait(timeout=60), daemon.stderr.read()) for daemon in self.daemons]


@pytest.fixture
def shell(tmp_path, holdfast):
    if not shutil.which("curl"):
        pytest.fail("README's commands need curl (app/packages test)")
    shell = Shell(tmp_path, holdfast)
    yield shell
    for daemon in shell.daemons:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()


def test_console_blocks_print_what_readme_says(shell):
    """All in one shell, in order, beside the daemon that `app/run` starts."""
    shell.start("holdfast " + re.search(r"set -- (.*)", read(os.path.join(ROOT, "app/run"))).group(1))
    shell.wait_for("18000")
    steps = 0
    for title, block in console_blocks():
        for command, expected in block:
            if command.endswith("&"):
                shell.start(command.rstrip("& "))
                shell.wait_for(re.search(r":(\d+)", command).group(1))
                continue
            assert mask(shell.run(command)).strip() == mask(expected).strip(), f"{title}: {command}"
            steps += 1
    assert steps >= 5
    for code, stderr in shell.stop():
        assert code == 0, stderr
        assert len(stderr.splitlines()) <= 3, stderr


def test_commands_outside_a_console_exist():
    """`sh` blocks start long runs: the tests of app/run, tests/run and docker/check are those commands themselves."""
    commands = re.findall(r"^```sh\n(.*?)^```", read(README), re.M | re.S)
    words = " ".join(commands).split()
    for script in ("app/run", "tests/run"):
        assert script in words
        assert os.access(os.path.join(ROOT, script), os.X_OK)
    for name in ("docker/Dockerfile", "docker/compose.yaml"):
        assert name in words and os.path.exists(os.path.join(ROOT, name))


PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in pathlib.Path(ROOT, "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_lead_somewhere(page):
    text = read(os.path.join(ROOT, page))
    base = os.path.dirname(os.path.join(ROOT, page))
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)):
        if not target.startswith("http"):
            assert os.path.exists(os.path.join(base, target)), target
    for path in re.findall(r"`((?:lib|app|tests|docs|docker|config)/[\w./-]+\.\w+)`", text):
        if not re.search(r"/tag\.|/x_", path):
            assert os.path.exists(os.path.join(ROOT, path)), path


def test_architecture_and_decisions_keep_their_size():
    assert len(read(os.path.join(ROOT, "docs/ARCHITECTURE.md")).splitlines()) <= 150
    for name in os.listdir(os.path.join(ROOT, "docs/adr")):
        assert len(read(os.path.join(ROOT, "docs/adr", name)).splitlines()) <= 40, name


def test_help_fits_a_screen(holdfast):
    text = subprocess.run([holdfast, "--help"], text=True, capture_output=True, check=True, timeout=30).stdout
    lines = text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80, lines

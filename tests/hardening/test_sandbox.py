"""The sandbox is on: what it should refuse is refused, and the same attempts succeed outside of it."""
import os
import re
import subprocess

import pytest
from harness import TYPE, Wire, cluster, free_port, listener, request, wait_until

UID = "65532"
REFUSED = {"EPERM", "EROFS"}
ALLOWED = {"write-own", "inet-socket", "thread", "memfd_create"}


@pytest.fixture
def scratch():
    directory = os.environ.get("HARDENING_SCRATCH")
    if not directory:
        pytest.skip("only under tests/hardening/run")
    return directory


def attempts(command, own):
    done = subprocess.run([*command, str(own)], capture_output=True, text=True, timeout=20, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def test_the_sandbox_refuses(scratch, tmp_path, monkeypatch):
    probe = os.path.join(scratch, "probe")
    outside = attempts([probe], tmp_path / "outside")
    assert not REFUSED & set(outside.values()), outside
    monkeypatch.setenv("HARDENING_PROGRAM", probe)
    inside = attempts([os.path.join(scratch, "holdfast")], tmp_path / "inside")
    assert inside.keys() == outside.keys() and len(inside) == 15
    assert {name for name, what in inside.items() if what not in REFUSED} == ALLOWED, inside
    assert inside["write-elsewhere"] == "EROFS", inside


def test_the_program_has_no_privileges(scratch, start, be, tmp_path):
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)], concurrency=2)
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().status == 200
    tasks = os.listdir(f"/proc/{proxy.process.pid}/task")
    assert len(tasks) >= 3
    for task in tasks:
        with open(f"/proc/{proxy.process.pid}/task/{task}/status", encoding="ascii") as file:
            status = dict(re.findall(r"^(\w+):[ \t]*(.*)$", file.read(), re.M))
        assert status["Seccomp"] == "2"
        assert status["NoNewPrivs"] == "1"
        assert status["Uid"].split() == status["Gid"].split() == [UID] * 4
        assert status["Groups"].strip() == ""
        for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
            assert int(status["Cap" + kind], 16) == 0, kind
    with open(f"/proc/{proxy.process.pid}/mountinfo", encoding="utf-8") as file:
        writable = [line.split()[4] for line in file if "rw" in line.split()[5].split(",")]
    assert writable == [str(tmp_path)]
    with open(f"/proc/{proxy.process.pid}/exe", "rb") as file:
        assert file.read(4) == b"\x7fELF"


def file_log(path):
    return {"access_log": [{"name": "file", "typed_config": {
        "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(path)}}]}


def test_a_log_is_written_where_that_is_allowed(scratch, start, be, tmp_path):
    port = free_port()
    start([listener(port, hcm=file_log(tmp_path / "access.log"))], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request(target="/seen"))
        assert wire.read_response().status == 200
    wait_until(lambda: "/seen" in (tmp_path / "access.log").read_text(), 10, "the line")
    assert (tmp_path / "access.log").stat().st_uid == int(UID)


def test_a_log_elsewhere_is_an_error_at_start(scratch, start):
    path = os.path.join(scratch, "elsewhere.log")
    proxy = start([listener(free_port(), hcm=file_log(path))], [cluster("be", free_port())], ready=False)
    assert proxy.wait(20) == 1
    assert f"unable to open file '{path}': Read-only file system" in proxy.stderr()

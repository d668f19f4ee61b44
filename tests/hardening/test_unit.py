"""app/holdfast.service: systemd finds nothing wrong with it, and it and its drop-in hold what docker/seccomp.json holds."""
import configparser
import json
import os
import shutil
import socket
import subprocess

import pytest
from plugin import ROOT

UNIT = os.path.join(ROOT, "app", "holdfast.service")
DROP_IN = os.path.join(ROOT, "app", "holdfast-plugins.conf")
PROFILE = os.path.join(ROOT, "docker", "seccomp.json")
MOST_EXPOSED = 15  # Tenths of 10.0, the worst. 9.6 is what a unit without any hardening has.
FAMILIES = {"AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNIX"}


class Repeated(dict):
    """Settings that are given several times add up, as systemd has it."""

    def __setitem__(self, key, value):
        super().__setitem__(key, self[key] + value if isinstance(value, list) and key in self else value)


def settings(path):
    parser = configparser.RawConfigParser(strict=False, dict_type=Repeated, delimiters="=", comment_prefixes="#")
    parser.optionxform = str
    with open(path, encoding="utf-8") as file:
        parser.read_file(file)
    return {name: value.split("\n") for name, value in parser["Service"].items()}


@pytest.fixture(scope="module")
def service():
    return settings(UNIT)


@pytest.fixture(scope="module")
def drop_in():
    return settings(DROP_IN)


@pytest.fixture(scope="module")
def profile():
    with open(PROFILE, encoding="utf-8") as file:
        return json.load(file)


def words(service, name):
    return [word for line in service[name] for word in line.split()]


def test_the_unit_allows_the_system_calls_of_the_profile(service, drop_in, profile):
    listed = words(service, "SystemCallFilter") + words(drop_in, "SystemCallFilter")
    assert sorted(set(listed)) == sorted(listed), "named twice"
    assert set(listed) == {name for rule in profile["syscalls"] for name in rule["names"]}
    assert service["SystemCallErrorNumber"] == ["EPERM"]


def test_the_drop_in_allows_what_plugins_need_and_no_more(service, drop_in, profile):
    plugins = [rule["names"] for rule in profile["syscalls"] if "Plugins" in rule["comment"]]
    assert plugins == [words(drop_in, "SystemCallFilter")]
    assert (service["MemoryDenyWriteExecute"], drop_in["MemoryDenyWriteExecute"]) == (["yes"], ["no"])
    assert set(drop_in) == {"CacheDirectory", "CacheDirectoryMode", "MemoryDenyWriteExecute", "SystemCallFilter"}


def test_the_unit_allows_the_address_families_of_the_profile(service, profile):
    numbers = {rule["args"][0]["value"] for rule in profile["syscalls"] if rule["names"] == ["socket"]}
    assert {int(getattr(socket, name)) for name in FAMILIES} == numbers
    assert set(words(service, "RestrictAddressFamilies")) == FAMILIES


def test_the_profile_refuses_by_default(profile):
    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    actions = {rule["action"] for rule in profile["syscalls"]}
    assert actions == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}
    unconditional = {name for rule in profile["syscalls"] if not rule.get("args") and rule["action"] == "SCMP_ACT_ALLOW"
                     for name in rule["names"]}
    assert not unconditional & {"socket", "clone", "clone3", "fork", "vfork", "ptrace", "mount", "bpf", "setuid", "unlink"}


@pytest.fixture
def analyze():
    path = shutil.which("systemd-analyze")
    if not path:
        pytest.skip("systemd-analyze is not installed")

    def run(*arguments):
        return subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=False)

    return run


def test_systemd_finds_nothing_wrong(analyze, holdfast, tmp_path):
    """With the binary's real place, since systemd looks for it."""
    unit = tmp_path / "holdfast.service"
    with open(UNIT, encoding="utf-8") as file:
        unit.write_text(file.read().replace("/usr/bin/holdfast", holdfast))
    unit.chmod(0o644)
    folder = tmp_path / "holdfast.service.d"
    folder.mkdir()
    shutil.copy(DROP_IN, folder / "plugins.conf")
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=on-failing"))
    assert "on-failing" in analyze("verify", "--man=no", str(unit)).stderr, "a mistake is found"


def test_systemd_calls_it_safe(analyze):
    done = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", UNIT)
    assert done.returncode == 0, done.stdout + done.stderr

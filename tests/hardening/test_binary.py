"""What the compiler and the linker put into a release build."""
import os
import re
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def binary(holdfast):
    path = holdfast + ".real" if os.path.exists(holdfast + ".real") else holdfast
    with open(path, "rb") as file:
        data = file.read()
    if b"__asan_init" in data or b"__tsan_init" in data or b".debug_info" in data:
        pytest.skip("a release build is what is shipped")
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed (binutils)")
    return path


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_position_independent(binary):
    assert re.search(r"Type:\s+DYN", output("readelf", "-h", binary))
    assert re.search(r"FLAGS_1\).*\bPIE\b", output("readelf", "-d", binary))


def test_relocations_are_read_only_from_the_start(binary):
    dynamic = output("readelf", "-d", binary)
    assert re.search(r"FLAGS_1\).*\bNOW\b", dynamic)
    assert "TEXTREL" not in dynamic
    assert "GNU_RELRO" in output("readelf", "-lW", binary)


def test_no_memory_is_writable_and_executable(binary):
    segments = re.findall(r"^\s+([A-Z_]+)\s+(?:0x\w+\s+){5}([R ][W ][E ])", output("readelf", "-lW", binary), re.M)
    assert {"LOAD", "GNU_STACK"} <= {kind for kind, _ in segments}
    for kind, flags in segments:
        assert "WE" not in flags, kind
        assert kind != "GNU_STACK" or "E" not in flags


def test_libraries_come_from_the_system_only(binary):
    dynamic = output("readelf", "-d", binary)
    assert "(NEEDED)" in dynamic
    assert "(RPATH)" not in dynamic and "(RUNPATH)" not in dynamic


def test_stacks_and_copies_are_guarded(binary):
    symbols = output("readelf", "-W", "--dyn-syms", binary)
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk@", symbols.replace("__stack_chk_fail", "")), "_FORTIFY_SOURCE"


def test_no_path_of_the_build_machine_is_inside(binary):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(binary, "rb") as file:
        assert root.encode() + b"/" not in file.read()

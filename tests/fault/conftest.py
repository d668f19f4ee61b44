"""Fixtures of the fault tests; options are in tests/e2e/plugin.py. HOLDFAST_WORKERS=N runs them with N workers."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from plugin import *  # noqa: E402,F401,F403
import pytest  # noqa: E402


@pytest.fixture(scope="session")
def threads_watched(holdfast):
    """Built with ThreadSanitizer: slow, so a sample of the cases has to do."""
    with open(holdfast, "rb") as file:
        return b"__tsan_init" in file.read()


@pytest.fixture(scope="session")
def workers(threads_watched):
    return int(os.environ.get("HOLDFAST_WORKERS") or (4 if threads_watched else 1))


@pytest.fixture(scope="session")
def faulty(holdfast):
    """The daemon with system calls that fail on demand, from the same build."""
    path = os.path.join(os.path.dirname(os.path.dirname(holdfast)), "tests", "fault", "holdfast_faulty")
    if not os.access(path, os.X_OK):
        pytest.skip("no tests/fault/holdfast_faulty beside the binary: release builds have none")
    return path

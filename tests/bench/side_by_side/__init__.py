"""The parts of tests/bench/run. A package, so that its modules and those of the other test directories do not meet."""
import os
import pathlib
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent.parent
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))

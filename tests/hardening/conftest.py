"""Fixtures of the hardening tests; options are in tests/e2e/plugin.py."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from plugin import *  # noqa: E402,F401,F403

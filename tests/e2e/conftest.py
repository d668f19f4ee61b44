"""Fixtures of the end-to-end tests; options are in plugin.py."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from plugin import *  # noqa: E402,F401,F403

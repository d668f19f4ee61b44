"""Schema and parser accept and refuse the same files; so does Envoy, where it is installed."""
import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("schema_agreement.py")


def test_schema_and_parser_agree():
    pytest.importorskip("jsonschema")
    pytest.importorskip("yaml")
    done = subprocess.run([sys.executable, SCRIPT], text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 wrong" in done.stdout

"""Pytest plugin (-p sandboxed): each test's temporary directory is what the sandboxed program may write to."""
import os

import pytest

UID = 65532


def pytest_configure():
    os.umask(0)  # What a test creates for the program, the program's user may write to.


@pytest.fixture(autouse=True)
def writable_directory(tmp_path, monkeypatch):
    os.chown(tmp_path, UID, UID)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid in (0, UID) and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o111)
    monkeypatch.setenv("HARDENING_WRITABLE", str(tmp_path))

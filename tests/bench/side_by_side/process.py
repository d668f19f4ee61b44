"""Processes that are started on one CPU, watched, and ended by pid."""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import subprocess
import time

from proxy import free_port  # noqa: F401  (tests/e2e)


class Failed(Exception):
    """A peer that did not start or a run that gave no result; the benchmark goes on without it."""


def raise_file_limit(wanted=131072):
    """Descriptors for this process and its children; root may go beyond the hard limit. Returns what came of it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(wanted, hard), hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def family(pid):
    """The process and its descendants."""
    found, left = [], [pid]
    while left:
        pid = left.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                left += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def rss_kib(pid):
    """Resident memory of the process and its descendants."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{member}/status").read_text()
            total += sum(map(int, re.findall(r"^VmRSS:\s+(\d+)", status, re.M)))
    return total


class Process:
    """A program on one CPU. Use as a context manager: it is ended, with its descendants, whatever happens."""

    def __init__(self, command, cpu, errors, **options):
        self.errors = pathlib.Path(errors)
        with open(self.errors, "wb") as file:
            self.child = subprocess.Popen(command, stdin=options.pop("stdin", subprocess.DEVNULL),
                                          stdout=options.pop("stdout", subprocess.DEVNULL), stderr=file,
                                          preexec_fn=lambda: os.sched_setaffinity(0, {cpu}), **options)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        members = family(self.pid) if self.child.poll() is None else []
        for member in reversed(members):
            with contextlib.suppress(OSError):
                os.kill(member, signal.SIGTERM)
        try:
            self.child.wait(3)
        except subprocess.TimeoutExpired:
            for member in members:
                with contextlib.suppress(OSError):
                    os.kill(member, signal.SIGKILL)
            self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def complaint(self):
        return self.errors.read_text(errors="replace").strip()[-2000:]

    def line(self, seconds):
        """The next JSON line of its standard output, which must be a pipe."""
        ready, _, _ = select.select([self.child.stdout], [], [], seconds)
        text = self.child.stdout.readline() if ready else b""
        if not text:
            raise Failed(f"no answer from {self.child.args[0]} {self.child.args[1]}: {self.complaint()}")
        return json.loads(text)

    def wait_listening(self, port, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 0.5).close()
                return
            time.sleep(0.01)
        raise Failed(f"{self.child.args[0]} does not listen: {self.complaint()}")


def get(port, path, host, seconds=20):
    """One answer, head and body as they come; for small ones. Ends with the Content-Length: the floor may miss a close."""
    with socket.create_connection(("127.0.0.1", port), seconds) as sock:
        sock.settimeout(seconds)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while not whole(data) and (more := sock.recv(65536)):
            data += more
    return data.decode("latin-1")


def whole(data):
    head, end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    return bool(end and length) and len(body) >= int(length.group(1))


def wait_answer(process, port, host, seconds=30):
    """Until the proxy gives a 200; returns it."""
    deadline, answer = time.monotonic() + seconds, ""
    while time.monotonic() < deadline and process.child.poll() is None:
        with contextlib.suppress(OSError):
            answer = get(port, "/", host)
            if answer.startswith("HTTP/1.1 200"):
                return answer
        time.sleep(0.02)
    raise Failed(f"{process.child.args[0]} does not answer with 200: {answer[:200]!r} {process.complaint()}")

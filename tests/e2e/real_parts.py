"""A real httpbin (under gunicorn) on several loopback addresses, and a real DNS server (dnsmasq)."""
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import venv

from dns_server import SERVFAIL, DnsServer
from harness import Wire, free_port, request, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
VENV = os.path.join(ROOT, "build", "e2e-venv")
INSTALL_TIMEOUT = 300


def python_with_httpbin():
    """An interpreter that has httpbin and gunicorn: this one, or a virtual environment made now; None if neither."""
    if importlib.util.find_spec("httpbin") and importlib.util.find_spec("gunicorn"):
        return sys.executable
    python = os.path.join(VENV, "bin", "python3")
    stamp = os.path.join(VENV, "complete")
    if os.path.exists(stamp):
        return python
    try:
        venv.create(VENV, clear=True, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r",
             os.path.join(HERE, "requirements.txt")],
            check=True, timeout=INSTALL_TIMEOUT, capture_output=True,
        )
    except (OSError, SystemExit, subprocess.SubprocessError):  # ensurepip exits where it is missing.
        shutil.rmtree(VENV, ignore_errors=True)  # No venv module, no network: the caller skips.
        return None
    with open(stamp, "w", encoding="ascii") as file:
        file.write("ok\n")
    return python


class Httpbin:
    """One gunicorn with httpbin on address:port; its access log tells which requests it has served."""

    def __init__(self, python, address, port, directory):
        self.address, self.port = address, port
        self.python = python
        self.log = os.path.join(str(directory), f"httpbin-{address}.log")
        self.process = None
        self.start()

    def start(self):
        open(self.log, "a", encoding="ascii").close()
        self.process = subprocess.Popen(
            [self.python, "-m", "gunicorn", "-b", f"{self.address}:{self.port}", "-k", "gthread", "--threads", "16",
             "--keep-alive", "30", "--access-logfile", self.log, "--log-level", "warning", "httpbin:app"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers, 60, f"httpbin on {self.address}")

    def answers(self):
        try:
            with Wire.connect(self.port, self.address, timeout=2) as wire:
                wire.send(request(target="/status/204"))
                return wire.read_response(timeout=5).status == 204
        except (OSError, AssertionError):
            assert self.process.poll() is None, "gunicorn has ended"
            return False

    def served(self, target):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return sum(f" {target} HTTP/1.1" in line for line in file)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Dnsmasq:
    """dnsmasq answering `httpbin.org` from a hosts file; what it doesn't know, a fake server answers with SERVFAIL."""

    NAME = "httpbin.org"

    def __init__(self, directory):
        self.hosts = os.path.join(str(directory), "hosts")
        self.port = free_port()
        self.beyond = DnsServer()
        self.beyond.rcode = SERVFAIL
        self.log = os.path.join(str(directory), "dnsmasq.log")
        self.process = None

    @staticmethod
    def binary():
        return shutil.which("dnsmasq") or shutil.which("dnsmasq", path="/usr/sbin:/sbin")

    def write(self, *addresses):
        with open(self.hosts, "w", encoding="ascii") as file:
            file.writelines(f"{address} {self.NAME}\n" for address in addresses)

    def start(self, *addresses, ttl=1):
        self.write(*addresses)
        self.process = subprocess.Popen(
            [self.binary(), "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--port={self.port}",
             "--listen-address=127.0.0.1", "--bind-interfaces", f"--addn-hosts={self.hosts}", f"--local-ttl={ttl}",
             f"--server=127.0.0.1#{self.beyond.port}", "--cache-size=0", "--log-queries", f"--log-facility={self.log}",
             f"--user={user_name()}", "--pid-file="],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        wait_until(lambda: self.queries_seen("read ") or self.ended(), 20, "dnsmasq is up")

    def ended(self):
        assert self.process.poll() is None, self.process.stderr.read()
        return False

    def queries_seen(self, what="query[A] httpbin.org"):
        if not os.path.exists(self.log):
            return 0
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return sum(what in line for line in file)

    def change(self, *addresses):
        """New records, as an operator would: edit the file, SIGHUP."""
        seen = self.queries_seen("read ")
        self.write(*addresses)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.queries_seen("read ") > seen, 10, "dnsmasq has read its file")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        if self.process:
            self.process.stderr.close()
            self.process = None

    def close(self):
        self.stop()
        self.beyond.__exit__()


def user_name():
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name

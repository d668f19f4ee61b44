"""TCP proxy listeners: bytes both ways, half-close, back-pressure, refusal, access log."""
import random
import socket
import threading

import pytest

from harness import cluster, free_port, wait_until
from proxy import address

TYPE = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
LOG = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"


def tcp_listener(port, to, log=None, **extra):
    config = {"@type": TYPE, "stat_prefix": "tcp", "cluster": to, **extra}
    if log:
        form = {"text_format_source": {"inline_string": "%BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER% %RESPONSE_FLAGS%\n"}}
        config["access_log"] = [{"name": "file", "typed_config": {"@type": LOG, "path": str(log), "log_format": form}}]
    chain = {"filters": [{"name": "tcp", "typed_config": config}]}
    return {"name": "tcp", "address": address(port), "filter_chains": [chain]}


class Echo:
    """Sends back what it gets, and the end when it gets the end."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # The client reset: its test looks at that.


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.listener.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_all(client):
    data = b""
    while piece := client.recv(65536):
        data += piece
    return data


def test_bytes_go_both_ways_and_half_close_is_passed_on(start, echo, tmp_path):
    port, log = free_port(), tmp_path / "tcp.log"
    proxy = start([tcp_listener(port, "echo", log)], [cluster("echo", echo.port)])
    noise = random.Random(1).randbytes(3_000_000)
    with connect(port) as client:
        sender = threading.Thread(target=lambda: (client.sendall(noise), client.shutdown(socket.SHUT_WR)))
        sender.start()
        assert read_all(client) == noise
        sender.join(20)
    wait_until(lambda: log.read_text() == f"{len(noise)} {len(noise)} echo -\n", 10, "the access log line")
    wait_until(lambda: proxy.stat("cluster.echo.upstream_cx_active") == 0, 10, "the gauge at zero")
    assert proxy.stat("cluster.echo.upstream_cx_total") == 1


def test_a_refused_upstream_closes_the_client(start, tmp_path):
    port, dead, log = free_port(), free_port(), tmp_path / "tcp.log"
    start([tcp_listener(port, "dead", log)], [cluster("dead", dead)])
    with connect(port) as client:
        assert read_all(client) == b""
    wait_until(lambda: log.read_text() == "0 0 dead UF\n", 10, "the access log line")


def test_a_cluster_without_endpoints_closes_the_client(start, tmp_path):
    port, log = free_port(), tmp_path / "tcp.log"
    start([tcp_listener(port, "empty", log)], [cluster("empty")])
    with connect(port) as client:
        assert read_all(client) == b""
    wait_until(lambda: log.read_text() == "0 0 empty UH\n", 10, "the access log line")


def test_idle_connections_are_closed(start, echo):
    port = free_port()
    start([tcp_listener(port, "echo", idle_timeout="0.3s")], [cluster("echo", echo.port)])
    with connect(port) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        assert client.recv(1) == b""


def test_reset_behind_a_half_close_ends_the_session(start):
    """recv() does not tell of a reset that comes behind a FIN: the session must not stay until its idle timeout."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        port = free_port()
        proxy = start([tcp_listener(port, "be")], [cluster("be", upstream.getsockname()[1])])
        client = connect(port)
        client.sendall(b"x")
        silent, _ = upstream.accept()
        with silent:
            assert silent.recv(10) == b"x"
            client.shutdown(socket.SHUT_WR)
            assert silent.recv(10) == b""
            silent.sendall(b"unread")  # What is unread when it closes makes its close a reset.
            assert client.recv(1, socket.MSG_PEEK) == b"u"
            client.close()
            wait_until(lambda: proxy.stat("cluster.be.upstream_cx_active") == 0, 20, "the end of the session")

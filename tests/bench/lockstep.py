"""Requests in lockstep: the proxy is stopped while its input is written, so that each of its turns finds all of a round.

What it then does for a request (instructions, system calls, allocations) is the same in every run, on a busy machine, too.
"""
import os
import selectors
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import Wire, bootstrap, cluster, dispatch, free_port, listener, request, response, route, stopped, wait_until  # noqa: E402,F401

TIMEOUT = 120.0  # The proxy may run under valgrind.


STEADY = ("instructions", "syscalls", "allocations")


class Case:
    """What is sent and answered. `side` = side requests per request, so many of them `pipelined`; `steady` = the counts
    that repeat from run to run."""

    def __init__(self, name, connections, sent, answer, side=0, pipelined=1, hcm=None, steady=STEADY):
        self.name = name
        self.connections = connections
        self.sent = sent
        self.answer = answer
        self.side = side
        self.pipelined = pipelined
        self.hcm = hcm or {}
        self.steady = steady


JSON_LOG = {
    "access_log": [
        {
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": "/dev/null",
                "log_format": {
                    "json_format": {
                        "ts": "%START_TIME%",
                        "method": "%REQ(:METHOD)%",
                        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
                        "protocol": "%PROTOCOL%",
                        "status": "%RESPONSE_CODE%",
                        "flags": "%RESPONSE_FLAGS%",
                        "received": "%BYTES_RECEIVED%",
                        "sent": "%BYTES_SENT%",
                        "duration": "%DURATION%",
                        "upstream": "%UPSTREAM_HOST%",
                        "id": "%REQ(X-REQUEST-ID)%",
                        "authority": "%REQ(:AUTHORITY)%",
                    }
                },
            },
        }
    ]
}

SMALL = response(headers=[("content-type", "text/plain")], body=b"hello\n")
CASES = [
    Case("pass", 64, request(), SMALL),
    Case("pass-log", 64, request(), SMALL, hcm=JSON_LOG),
    Case("post", 64, request("POST", headers=[("content-length", "4096")], body=b"x" * 4096), SMALL),
    # 48 KiB: what surely fits into a socket at once.
    Case("big", 16, request(), response(body=b"y" * 49152), steady=("instructions", "allocations")),
    Case("fan3", 64, request(), SMALL, side=3),
    Case("fan3-pipelined", 64, request(), SMALL, side=3, pipelined=3),
]


class Lockstep:
    """Client and upstream of one proxy process, which it stops and continues by pid."""

    def __init__(self, case, upstream, side, port, pid):
        self.case = case
        self.pid = pid
        self.listeners = [upstream, side]
        self.selector = selectors.DefaultSelector()
        self.upstream_wires = []
        for sock in self.listeners:
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)
        self.clients = [Wire.connect(port, timeout=TIMEOUT) for _ in range(case.connections)]

    def close(self):
        for wire in self.clients + self.upstream_wires:
            wire.close()
        self.selector.close()

    def send(self, wires, data):
        with stopped(self.pid, TIMEOUT):
            for wire in wires:
                wire.send(data)

    def gather(self, count):
        """Wait for `count` requests from the proxy; returns the connections that they came on."""
        asked = []
        while len(asked) < count:
            events = self.selector.select(TIMEOUT)
            if not events:
                raise AssertionError(f"{len(asked)} of {count} requests reached the upstream")
            for key, _ in events:
                if key.fileobj in self.listeners:
                    self.accept(key.fileobj)
                    continue
                wire = key.data
                asked += [wire] * self.take(wire)
        return asked

    def accept(self, sock):
        accepted, _ = sock.accept()
        wire = Wire(accepted, "upstream")
        self.upstream_wires.append(wire)
        self.selector.register(accepted, selectors.EVENT_READ, wire)

    @staticmethod
    def take(wire):
        """How many whole requests came on `wire`. (None of ours is chunked.)"""
        data = wire.sock.recv(1 << 20)
        if not data:
            raise AssertionError("the proxy closed an upstream connection")
        wire.buffer += data
        count = 0
        while (head := wire.buffer.find(b"\r\n\r\n")) >= 0:
            length = 0
            for line in wire.buffer[:head].split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if len(wire.buffer) < head + 4 + length:
                break
            wire.buffer = wire.buffer[head + 4 + length :]
            count += 1
        return count

    def round(self):
        case = self.case
        self.send(self.clients, case.sent)
        self.send(self.gather(case.connections), case.answer)
        if case.side:
            self.send(self.gather(case.connections * case.side), SMALL)
        for wire in self.clients:
            answer = wire.read_response(timeout=TIMEOUT)
            if answer.status != 200:
                raise AssertionError(f"{answer}")


def listen():
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    sock.listen(1024)
    return sock


def configuration(case, port, upstream, side, admin_port):
    filters = [dispatch("side", case.side, max_pipelined=case.pipelined, authority="side")] if case.side else []
    return bootstrap(
        [listener(port, [route("be")], filters, hcm=case.hcm)],
        [cluster("be", upstream.getsockname()[1]), cluster("side", side.getsockname()[1])],
        admin_port,
    )

"""While /healthcheck/fail is on, every response says connection: close."""
from harness import request
from runner import Case, Read


def admin(path, method="POST"):
    def step(stage):
        status, body = stage.proxy.admin(path, method)
        assert (status, body) == (200, "OK\n"), (status, body)

    return step


def ready(status, body):
    def step(stage):
        assert stage.proxy.admin("/ready") == (status, body)

    return step


def draining(name, send, method="GET"):
    steps = [
        ready(200, "LIVE\n"),
        admin("/healthcheck/fail"),
        ready(503, "DRAINING\n"),
        send,
        Read(method),
        admin("/healthcheck/ok"),
        ready(200, "LIVE\n"),
    ]
    return Case("drain: " + name, "drain:plain", steps, fate="none")


CASES = [
    draining("proxied", request(target="/be")),
    draining("local", request(target="/none")),
    draining("direct", request(target="/direct")),
    draining("head", request("HEAD", "/direct"), "HEAD"),
    Case("drain: over", "drain:plain", request(target="/be")),
]

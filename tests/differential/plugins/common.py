"""What the scenarios share: requests, upstreams, and a short way to say "one plugin in one mode"."""
from harness import chunked, request, response, wait_until
from runner import Read

from .scene import Plugin, Scenario

GET = request(target="/be")
POST = request("POST", "/be", [("content-length", "6")], b"hello!")
CHUNKED_POST = request("POST", "/be", [("transfer-encoding", "chunked")], chunked(b"hello!"))


def one(name, wat, mode="", send=GET, upstream=None, side=None, parameters=None, plugin=None, **extra):
    """A scenario with one plugin."""
    own = Plugin(wat, mode, parameters=parameters or {}, **(plugin or {}))
    return Scenario(name, "plugin:main", send, upstream, side, plugins=[own], **extra)


def answers(*replies):
    """An upstream that answers each request of the scenario with the next bytes, on whatever connection it comes."""
    rest = list(replies)

    def script(connection):
        while connection.next_request() is not None:
            connection.send(rest.pop(0) if len(rest) > 1 else rest[0])

    return script


def pieces(*parts, head=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"):
    """An upstream that sends its answer in parts, each when the test tells it to (the first at once)."""

    def script(connection):
        while connection.next_request() is not None:
            connection.send(head)
            for part in parts:
                if not connection.wait_told():
                    return
                connection.owner.told.clear()
                connection.send(part)

    return script


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def after_logs(count, text):
    """Step: wait until the log has that text so often since the start."""

    def step(stage):
        wait_until(lambda: stage.proxy.stderr()[stage.began :].count(text) >= count, 10, f"{count} times {text!r}")

    return step


def twice(send=GET):
    return [send, Read(), send, Read()]


# What the client gets when all goes well.
HELLO = {"line": "HTTP/1.1 200 OK", "complete": True, "trailers": [], "body": "hello\n", "headers": [
    ["x-up", "1"], ["content-length", "6"], ["x-envoy-upstream-service-time", "<ms>"], ["date", "<date>"], ["server", "envoy"]]}

"""Authority and virtual hosts: absolute-form, case, port, exact before suffix before prefix before any."""
from harness import request
from runner import Case


def host(name, **extra):
    return Case(f"virtual host {name!r}", "basic:hosts", request(host=name), **extra)


HOSTS = [
    host(name)
    for name in (
        "a.test", "A.Test", "a.test:80", "b.test", "a.x.test", "www.example", "www.test", "port.test", "port.test:8080",
        "unknown", "test", "a.test.", "[::1]:80",
    )
]
ANY = [Case(f"any virtual host {name!r}", "basic:hosts_any", request(host=name)) for name in ("unknown", "a.test", "")]
ABSOLUTE = [
    Case(f"absolute-form {target}", "basic:plain", request(target=target, host=host))
    for target, host in (
        ("http://b.test:80/be?x=1", "zzz"),
        ("http://b.test/be", "a.test"),
        ("http://b.test", "zzz"),
        ("https://b.test/be", "zzz"),
        ("HTTP://B.Test/be", "zzz"),
    )
]

NO_HOST = {
    "line": "HTTP/1.1 400 Bad Request",
    "headers": [["date", "<date>"], ["server", "envoy"], ["connection", "close"], ["content-length", "0"]],
    "body": "",
    "trailers": [],
    "complete": True,
}
STRICTER = [
    Case(
        "absolute-form without a host field",
        "basic:plain",
        request(target="http://b.test/be", host=None),
        better="RFC 9112 3.2: a request of HTTP/1.1 without a Host field gets 400, whatever its target",
        holdfast={"responses": [NO_HOST], "fate": "closed", "upstream": []},
    )
]

CASES = HOSTS + ANY + ABSOLUTE + STRICTER

"""x-forwarded-for and -proto, request ids, x-envoy-* from clients, server, date and via."""
from harness import reply_always, request
from runner import Case

XFF = [("x-forwarded-for", "1.1.1.1, 2.2.2.2")]
CONTROL = [
    (f"x-envoy-{name}", value)
    for name, value in (
        ("upstream-rq-timeout-ms", "1234"), ("max-retries", "3"), ("retry-on", "5xx"), ("internal", "true"),
        ("original-path", "/o"), ("external-address", "9.9.9.9"), ("expected-rq-timeout-ms", "77"), ("foo", "1"),
        ("decorator-operation", "d"), ("hedge-on-per-try-timeout", "true"), ("upstream-alt-stat-name", "a"),
        ("force-trace", "true"), ("ip-tags", "t"), ("original-host", "oh"), ("attempt-count", "4"),
        ("downstream-service-cluster", "c"), ("downstream-service-node", "n"), ("upstream-rq-per-try-timeout-ms", "5"),
        ("retriable-status-codes", "503"), ("retriable-header-names", "a"), ("upstream-stream-duration-ms", "9"),
        ("is-timeout-retry", "1"), ("overloaded", "1"), ("original-url", "http://o/"),
    )
]
REQUESTS = {
    "bare": [],
    "xff": XFF,
    "xff of one": [("x-forwarded-for", "10.1.1.1")],
    "xff in two lines": [("x-forwarded-for", "1.1.1.1"), ("x-a", "1"), ("x-forwarded-for", "2.2.2.2")],
    "x-forwarded-proto": [("x-forwarded-proto", "https")],
    "x-forwarded-proto twice": [("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")],
    "empty xff": [("x-forwarded-for", "")],
    "te twice": [("te", "gzip"), ("te", "trailers")],
    "x-request-id": [("x-request-id", "my-id"), ("x-a", "1")],
    "control headers": CONTROL,
    "traceparent": [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
}
WANTED = {
    "plain": list(REQUESTS),
    "remote": list(REQUESTS),
    "hops1": ["bare", "xff", "xff of one", "x-forwarded-proto"],
    "hops2": ["bare", "xff", "xff of one"],
    "skip": ["bare", "xff"],
    "preserve": ["bare", "x-request-id"],
    "noid": ["bare", "x-request-id"],
    "always": ["bare", "x-request-id"],
    "via": ["bare"],
}
FULL = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nVia: up\r\n"
    b"X-Envoy-Upstream-Service-Time: 99\r\nx-request-id: zz\r\nx-envoy-foo: 1\r\nContent-Length: 0\r\n\r\n"
)

CASES = (
    [
        Case(f"forwarding, {listener}: {name}", f"forwarding:{listener}", request(headers=REQUESTS[name]))
        for listener, names in WANTED.items()
        for name in names
    ]
    + [
        Case(f"server header, {listener}: {name}", f"forwarding:{listener}", request(), reply_always(data))
        for listener in ("plain", "via", "absent", "pass")
        for name, data in (("upstream's", FULL), ("none", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"))
    ]
    + [
        Case(f"server header, {listener}: local reply", f"forwarding:{listener}", b"BREW\r\n\r\n")
        for listener in ("plain", "via", "absent", "pass")
    ]
    + [
        Case("no timeout, no expected-rq-timeout header", "basic:plain", request(target="/notimeout")),
    ]
)

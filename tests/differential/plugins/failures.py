"""Plugins that fail: in each callback, in each way, and what the policy makes of it. Holdfast heals where Envoy does not."""
from harness import request
from runner import Fresh, Read, wait_seconds

from .calls import SIDE
from .common import HELLO, after_logs, one

BAD = request("POST", "/be/bad", [("content-length", "2")], b"hi")
GOOD = request("POST", "/be/good", [("content-length", "2")], b"hi")
THREE = [GOOD, Read(), Fresh(), BAD, Read(), Fresh(), GOOD, Read()]
HEALS = "a plugin that has trapped gets a new VM: the next request is served (Envoy answers 503 until it is restarted)"


def bad(good):
    """A good request as the upstream sees it, with the failing request's path."""
    return {**good, "line": good["line"].replace("/be/good", "/be/bad")}


CLOSING = [["date", "<date>"], ["server", "envoy"], ["connection", "close"], ["content-length", "0"]]
FAILED = {"line": "HTTP/1.1 503 Service Unavailable", "complete": True, "trailers": [], "body": "",
          "headers": [pair for pair in CLOSING if pair[0] != "connection"]}
# The third request goes as the first did.
HEALED = {
    "responses": lambda seen: [seen[0], seen[1], seen[0]],
    "upstream": lambda seen: [*seen, seen[0]],
    "logs": lambda seen: seen + seen[: seen.index("info wasm log plug root vm: delete") + 1],
}
# The failing request is served, too.
PASSED = {**HEALED, "responses": lambda seen: [seen[0]] * 3, "upstream": lambda seen: [seen[0], bad(seen[0]), seen[0]]}


def case(name, mode, send=THREE, trap="unreachable", better=HEALS, holdfast=None, ignores=(), **extra):
    return one("failure: " + name, "traps", mode, send, side=SIDE, parameters={"trap": trap}, traced=False, better=better,
               holdfast=HEALED if holdfast is None else holdfast, ignores=ignores, **extra)


def policy(**value):
    return {"plugin": {"extra": value}}


def reload(backoff):
    return policy(failure_policy="FAIL_RELOAD", reload_config={"backoff": {"base_interval": backoff}})



SCENARIOS = [
    case("in context create", "context create", better="", holdfast={}),
    case("in request headers", "request headers"),
    case("in a request body", "request body", better=HEALS + ", and the connection kept: its request has been read",
         holdfast={**HEALED, "responses": lambda seen: [seen[0], FAILED, seen[0]]}),
    case("in response headers", "response headers"),
    case("in a response body", "response body", better=HEALS + "; the head has not gone down yet, so there is a 503",
         holdfast={**HEALED, "responses": lambda seen: [seen[0], FAILED, seen[0]]}),
    case("in a call's callback", "callback", hcm={"stream_idle_timeout": "1s"}),
    case("in a tick", "tick", [GOOD, Read(), Fresh(), BAD, Read(), after_logs(1, ": tick"), Fresh(), GOOD, Read()]),
    case("in the log", "log"),
    case("in done", "done"),
    case("in delete", "delete"),
    case("by a division by zero", "request headers", trap="(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
    case("by a bad address", "request headers", trap="(drop (i32.load (i32.const -4)))"),
    case("by endless recursion", "request headers", trap="(drop (call $deeper (i32.const 0)))"),
    case("by an address at the very end", "request headers", trap="(drop (i32.load8_u (i32.const -1)))"),
    case("by a loop without end", "request headers", trap="(call $endless)",
         oracle_can_not="its worker hangs for ever", holdfast={"responses": [HELLO, {**FAILED, "headers": CLOSING}, HELLO]}),
    case("FAIL_OPEN in request headers", "request headers", holdfast=PASSED, **policy(failure_policy="FAIL_OPEN")),
    case("FAIL_OPEN in response headers", "response headers", holdfast=PASSED, **policy(failure_policy="FAIL_OPEN")),
    case("FAIL_CLOSED in request headers", "request headers", **policy(failure_policy="FAIL_CLOSED")),
    case("fail_open in request headers", "request headers", holdfast=PASSED, **policy(fail_open=True)),
    case("FAIL_RELOAD in request headers", "request headers", **reload("20s")),
    case("FAIL_RELOAD in request headers, and a second later", "request headers", better="", holdfast={},
         send=[GOOD, Read(), Fresh(), BAD, Read(), wait_seconds(1.5), Fresh(), GOOD, Read()], **reload("0.1s")),
]

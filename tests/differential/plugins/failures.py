"""Plugins that fail: in each callback, in each way, and what the policy makes of it. Holdfast heals where Envoy does not."""
from harness import reply_always, request, response
from runner import Read

from .calls import SIDE
from .common import POST, one

BAD = request("POST", "/be/bad", [("content-length", "2")], b"hi")
GOOD = request("POST", "/be/good", [("content-length", "2")], b"hi")
THREE = [GOOD, Read(), BAD, Read(), GOOD, Read()]
NEW_VM = "a plugin that has trapped gets a new VM: the next request is served (Envoy answers 503 until it is restarted)"


def healed(responses):
    """The requests after the failed one are as the first."""
    return [*responses[:2], responses[0]]


def case(name, mode, send=THREE, trap="unreachable", **extra):
    return one("failure: " + name, "traps", mode, send, side=SIDE, parameters={"trap": trap}, traced=False, **extra)


def policy(value):
    return {"plugin": {"extra": value}}


SCENARIOS = [
    case("in context create", "context create"),
    case("in request headers", "request headers"),
    case("in a request body", "request body"),
    case("in response headers", "response headers"),
    case("in a response body", "response body"),
    case("in a call's callback", "callback"),
    case("in the log", "log"),
    case("in done", "done"),
    case("in delete", "delete"),
    case("by a division by zero", "request headers", trap="(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
    case("by a bad address", "request headers", trap="(drop (i32.load (i32.const -4)))"),
    case("by endless recursion", "request headers", trap="(drop (call $deeper (i32.const 0)))"),
    case("by an indirect call of nothing", "request headers", trap="(drop (i32.load8_u (i32.const 0xfffffff0)))"),
    case("FAIL_OPEN in request headers", "request headers", **policy({"failure_policy": "FAIL_OPEN"})),
    case("FAIL_OPEN in response headers", "response headers", **policy({"failure_policy": "FAIL_OPEN"})),
    case("FAIL_CLOSED in request headers", "request headers", **policy({"failure_policy": "FAIL_CLOSED"})),
    case("fail_open in request headers", "request headers", **policy({"fail_open": True})),
    case("FAIL_RELOAD in request headers", "request headers", **policy(
        {"failure_policy": "FAIL_RELOAD", "reload_config": {"backoff": {"base_interval": "0.1s"}}})),
]

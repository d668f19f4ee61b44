"""Foreign functions: filter state that steers a tcp_proxy, declared properties, and those that are not there."""
import json

import yaml
from harness import TYPE, cluster, reply_always, response
from runner import Fresh, Read, WaitEof

from .common import GET, one
from .network import GO_ON, RESUME, STOP, TICK, NetworkStage
from .network import case as connection
from .properties import show

CLUSTER = "envoy.tcp_proxy.cluster"
IDLE = "envoy.tcp_proxy.per_connection_idle_timeout_ms"
STATE = show(["filter_state." + name.replace(".", ":") for name in (CLUSTER, CLUSTER + ".x")] + [
    "filter_state:" + CLUSTER.replace(".", ":"), CLUSTER.replace(".", ":"), "filter_state.wasm:" + CLUSTER.replace(".", ":")])
LINE = "%UPSTREAM_CLUSTER% %RESPONSE_FLAGS%\n"


def tag(number, kind, value):
    return bytes([number << 3 | kind]) + value


def text(number, value):
    value = value if isinstance(value, bytes) else value.encode()
    return tag(number, 2, bytes([len(value)]) + value)


def call(name, message, label):
    data = "".join("\\%02x" % byte for byte in message)
    return f'(call $tell $"{name}, {label}" (call $foreign $"{name}" $"{data}" (i32.const 16) (i32.const 20)))\n'


def state(path, value, span=0, more=b""):
    message = text(1, path) + text(2, value) + (tag(3, 0, bytes([span])) if span else b"")
    return call("set_envoy_filter_state", message + more, f"{path} {value} {span}" + (" and more" if more else ""))


def declare(name, read_only=0, kind=0, span=0):
    fields = text(1, name) + tag(2, 0, bytes([read_only])) + tag(3, 0, bytes([kind])) + tag(5, 0, bytes([span]))
    return call("declare_property", fields, f"{name} {read_only} {kind} {span}")


def put(name, value):
    return f'(call $tell $"set {name} to {value}" (call $set_property $"{name}" $"{value}"))\n'


class RoutedStage(NetworkStage):
    """With an access log, and clusters `side` and `nobody`."""

    def config(self):
        config = yaml.safe_load(super().config())
        static = config["static_resources"]
        proxy = static["listeners"][0]["filter_chains"][0]["filters"][-1]["typed_config"]
        log = {"@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": self.log + ".main",
               "log_format": {"text_format_source": {"inline_string": LINE}}}
        proxy["access_log"] = [{"name": "file", "typed_config": log}]
        static["clusters"] += [
            cluster("side", self.side.port),
            {"name": "nobody", "connect_timeout": "1s", "type": "STATIC", "load_assignment": {"cluster_name": "nobody"}}]
        return json.dumps(config)


def routed(name, send=None, plugins=1, **parameters):
    return connection("routed " + name, send, plugins, more={
        "stage": RoutedStage, "side": reply_always(response(body=b"side\n")), "log": True}, **parameters)


def foreign(name, send=GET, **parameters):
    empty = {"configure": "", "request": "", "response": "", "tick": ""}
    return one("foreign functions: " + name, "foreign", "", send, start=True, parameters={**empty, **parameters})


FLAGS = show(["response.flags", "xds.cluster_name"])
KNOWN = text(1, CLUSTER) + text(2, "side")
GROUP = bytes([4 << 3 | 3])
END = bytes([4 << 3 | 4])
MESSAGES = {
    "nothing": b"", "no value": text(1, CLUSTER), "no UTF-8": text(1, CLUSTER) + text(2, b"\xff\xff"),
    "overlong UTF-8": text(1, CLUSTER) + text(2, b"\xc0\x80"), "a surrogate": text(1, CLUSTER) + text(2, b"\xed\xa0\x80"),
    "U+10FFFF": text(1, CLUSTER) + text(2, b"\xf4\x8f\xbf\xbf"), "beyond": text(1, CLUSTER) + text(2, b"\xf4\x90\x80\x80"),
    "a name that is no UTF-8": text(1, b"\xff") + text(2, "x"), "two values": KNOWN + text(2, "last"),
    "a number as value": text(1, CLUSTER) + tag(2, 0, b"\x05"), "other fields": KNOWN + tag(4, 0, b"\x05") + tag(
        5, 5, b"four") + text(6, "x") + tag(7, 1, b"eight by"),
    "a group": KNOWN + GROUP + tag(1, 0, b"\x05") + END, "an open group": KNOWN + GROUP + tag(1, 0, b"\x05"),
    "another group's end": KNOWN + GROUP + tag(5, 4, b""), "an end": KNOWN + END, "a cut text": KNOWN[:-1],
    "a cut number": KNOWN + tag(3, 0, b""), "a long number": KNOWN + tag(3, 0, b"\xff" * 9 + b"\x7f"),
    "a number too long": KNOWN + tag(3, 0, b"\xff" * 10 + b"\x01"),
    "a long length": b"\x0a\x97\x80\x00" + KNOWN[2:], "a long tag": b"\x8a\x00" + KNOWN[1:],
    "a tag too long": b"\x8a\x80\x80\x80\x80\x00" + KNOWN[1:], "field 0": KNOWN + b"\x02\x01x", "type 6": KNOWN + b"\x26",
    "field 2^29": KNOWN + b"\xfa\xff\xff\xff\x1f\x01x", "groups, 100 deep": KNOWN + GROUP * 100 + END * 100,
    "groups, 101 deep": KNOWN + GROUP * 101 + END * 101,
}
DECLARED = "".join([
    declare("plain"), declare("plain"), declare("once", read_only=1), declare("text", kind=1), declare("other kind", kind=9),
    declare("of the connection", span=2), declare("of the request", span=1), declare("other span", span=9), declare(""),
    call("declare_property", b"", "nothing, which is the empty name"), call("declare_property", b"\xff\xff", "garbage"),
    call("declare_property", text(1, b"\xff"), "no UTF-8")])
NAMES = ["plain", "once", "text", "of the connection", "of the request", "other span"]
SETS = "".join(put(name, value) for name in NAMES for value in ("a", "b"))
ROUND = [GET, Read(), GET, Read(), Fresh(), GET, Read()]
EFFECTIVE = '(call $tell $"effective" (call $set_effective (global.get $stream)))'

SCENARIOS = [
    routed("to another cluster", new=state(CLUSTER, "side") + STATE + GO_ON, up=FLAGS + GO_ON, log=STATE + FLAGS),
    routed("to a cluster that is not there", [WaitEof()], new=state(CLUSTER, "nope") + GO_ON, log=STATE + FLAGS),
    routed("to no cluster's name", [WaitEof()], new=state(CLUSTER, "") + GO_ON, log=STATE + FLAGS),
    routed("to a cluster without endpoints", [WaitEof()], new=state(CLUSTER, "nobody") + GO_ON, log=FLAGS),
    routed("by the last word", new=state(CLUSTER, "dead") + state(CLUSTER, "side", 2) + STATE + GO_ON),
    routed("by the last word, of another span", new=state(CLUSTER, "dead", 2) + state(CLUSTER, "side", 9) + STATE + GO_ON),
    routed("by two plugins", plugins=2, new=STATE + state(CLUSTER, "side") + GO_ON),
    routed("too late", down=state(CLUSTER, "side") + STATE + GO_ON),
    routed("at a tick", new=TICK + STOP, tick="(drop (call $set_effective (global.get $connection)))" + state(
        CLUSTER, "side") + RESUME),
    routed("nowhere", [WaitEof()], new=f"(drop (call $close (i32.const 2))) {STOP}", log=FLAGS),
    routed("with an idle timeout", [GET, Read(), WaitEof()], new=state(IDLE, "200") + show(
        ["filter_state." + IDLE.replace(".", ":")]) + GO_ON, log=FLAGS),
    routed("with idle timeouts that are none", [WaitEof()], new="".join(
        state(IDLE, value) for value in ("", "x", "-1", "1x", "18446744073709551616", "0")) + f"(drop (call $close (i32.const 2))) {STOP}"),
    routed("by all kinds of messages", [WaitEof()], new="".join(
        call("set_envoy_filter_state", message, label) + show(["filter_state." + CLUSTER.replace(".", ":")])
        for label, message in MESSAGES.items()) + f"(drop (call $close (i32.const 2))) {STOP}"),
    foreign("filter state", ROUND, configure=state(CLUSTER, "side") + state("nope", "x") + call(
        "set_envoy_filter_state", b"\xff", "garbage") + STATE, request=STATE + state(CLUSTER, "side") + STATE + state(
            "nope", "x") + state("wasm.own", "x") + state(IDLE, "x"), response=STATE),
    foreign("filter state of the connection", ROUND, request=STATE + state(CLUSTER, "side", 2) + STATE, response=STATE),
    foreign("filter state of the connection, then of the request", ROUND, request=state(CLUSTER, "one", 2) + state(
        CLUSTER, "two") + STATE, response=STATE),
    foreign("filter state of the request, then of the connection", ROUND, request=STATE + state(CLUSTER, "one", 1) + state(
        CLUSTER, "two", 2) + STATE, response=STATE),
    foreign("declared properties", ROUND, configure=DECLARED + put("plain", "a") + show(["plain"]),
            request=show(NAMES) + SETS + show(NAMES) + show(["filter_state.wasm:once", "once.x"]),
            response=show(NAMES) + put("once", "c") + declare("plain")),
    foreign("declared too late", request=put("own", "a") + declare("own", read_only=1) + put("own", "b") + declare(
        "other", read_only=1) + put("other", "a") + put("other", "b")),
    foreign("declared at a tick", [GET, Read()], request="(drop (call $set_tick (i32.const 50))) (return (i32.const 1))",
            tick=declare("own", read_only=1) + EFFECTIVE + put("own", "a") + put("own", "b") + declare(
                "other", read_only=1) + put("other", "a") + put("other", "b") + state(CLUSTER, "side") + STATE
            + '(call $tell $"continue" (call $continue (i32.const 0)))'),
]
MISSING = """expr_create expr_evaluate expr_delete verify_signature sign""".split()
OTHERS = """envoy.string envoy.hashable_string envoy.network.application_protocols envoy.network.upstream_server_name
envoy.network.upstream_subject_alt_names envoy.network.network_namespace envoy.network.transport_socket.original_dst_address
envoy.filters.listener.original_dst.local_ip envoy.filters.listener.original_dst.remote_ip envoy.router.debug_config
envoy.tcp_proxy.disable_tunneling envoy.upstream.dynamic_host""".split()


def not_found(logs):
    return [line.rsplit(": ", 1)[0] + ": 1" if any(word in line for word in (*MISSING, *OTHERS)) or "kind 2" in line
            or "kind 3" in line else line for line in logs]


SCENARIOS += [
    one("foreign functions: those that are not there", "foreign", "", traced=False, parameters={
        "configure": "", "tick": "", "response": "", "request": "".join(call(name, b"", "nothing") for name in MISSING)
        + "".join(state(name, "127.0.0.1:80") for name in OTHERS)},
        better="what would be of no effect is not found", holdfast={"logs": not_found}),
    one("foreign functions: declared messages", "foreign", "", start=True, traced=False, parameters={
        "configure": declare("kind 2", kind=2) + declare("kind 3", kind=3), "tick": "", "response": "", "request": ""},
        better="nothing reads into such messages", ignores=("start",), holdfast={"start logs": not_found}),
]


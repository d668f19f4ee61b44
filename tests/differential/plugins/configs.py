"""The start: configurations as the plugin gets them, and plugins that do not start."""
import base64
import json
import re

from harness import TYPE

from .calls import SIDE
from .common import one

YES = {"start": "(i32.const 1)", "configure": "(i32.const 1)"}
STRUCT = {"@type": TYPE + "google.protobuf.Struct", "value": {"a": {"b": ["x", True, None, {"c": 7}]}}}
BYTES = {"@type": TYPE + "google.protobuf.BytesValue", "value": base64.b64encode(b"\x00raw\xff").decode()}
STRING = {"@type": TYPE + "google.protobuf.StringValue", "value": "own text"}
CALL = ('(drop (call $http_call $"side" $pairs{":method" "GET" ":path" "/start" ":authority" "a"} '
        "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0)))")


def starts(name, mode="text", parameters=None, **extra):
    return one("start: " + name, "starts", mode, parameters={**YES, **(parameters or {})}, start=True, **extra)


def as_json(logs):
    """What the plugin logs of its configuration when that is the struct's JSON."""
    text = json.dumps(STRUCT["value"], separators=(",", ":"))
    size = len(text)
    return [re.sub(r"bytes: \d+", f"bytes: {size}", line) if ": configure" in line
            else re.sub(r"7 from 0 for .*", f"7 from 0 for {size} = [{size}] {text}", line) if "7 from 0 for 51" in line
            else re.sub(r"7 from 2 for 3 .*", f"7 from 2 for 3 = [3] {text[2:5]}", line) for line in logs]


def refused(name, wat="starts", mode="text", parameters=None, **extra):
    return one("does not start: " + name, wat, mode, parameters={**YES, **(parameters or {})}, refuses=True, **extra)


SCENARIOS = [
    starts("a text", "a text"),
    starts("no configuration", None),
    starts("an empty text", ""),
    starts("bytes", BYTES),
    starts("a struct", STRUCT, better="a struct comes as JSON, which plugins can read (Envoy 1.40 hands over its protobuf bytes)",
           ignores=("start",), holdfast={"start logs": as_json}),
    starts("with a VM configuration", "plugin's", plugin={"vm_extra": {"configuration": STRING}}),
    starts("without any name", "text", plugin={"name": "", "root": "", "vm": ""}),
    starts("with a call", "text", {"configure": CALL + "(i32.const 1)"}, side=SIDE, until=("status",)),
    refused("vm_start says no", parameters={"start": "(i32.const 0)"}),
    refused("configure says no", parameters={"configure": "(i32.const 0)"}),
    refused("configure says no, with fail_open", parameters={"configure": "(i32.const 0)"},
            plugin={"extra": {"fail_open": True}}),
    refused("vm_start traps", parameters={"start": "unreachable"}),
    refused("configure traps", parameters={"configure": "unreachable"}),
    refused("an import that nobody has", "bare", parameters={
        "imports": '(import "env" "proxy_no_such" (func (param i32)))', "exports": ""}),
    refused("an import with another signature", "bare", parameters={
        "imports": '(import "env" "proxy_log" (func (param i64)))', "exports": ""}),
    refused("no ABI version", "bare", parameters={"imports": "", "exports": "", "abi": "proxy_abi_version_9_9_9"}),
    refused("no memory", "bare", parameters={"imports": "", "exports": "", "memory": "other"},
            oracle_can_not="it starts, and dies at the first request", better="the missing memory is named at the start",
            holdfast={"refuses": True}),
    refused("no allocator", "bare", parameters={"imports": "", "exports": "", "allocator": "other"}),
    refused("no file", plugin={"file": "/nonexistent/plugin.wasm"}),
    refused("no module", plugin={"file": __file__}),
    one("start: without callbacks", "bare", parameters={"imports": "", "exports": ""}, start=True),
]

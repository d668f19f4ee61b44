"""Several plugins in one chain: order, VMs shared or not."""
from harness import request, route
from runner import Read

from .common import GET, POST, twice
from .scene import Plugin, Scenario


def chain(name, plugins, send=GET, **extra):
    return Scenario("chain: " + name, "plugin:main", send, plugins=plugins, **extra)


def named(name, vm, root=None, wat="order", mode=None, **extra):
    return Plugin(wat, mode or f"mode of {name}", name=name, root=root or name, vm=vm, **extra)


DIRECT = [{"match": {"prefix": "/direct"}, "direct_response": {"status": 200, "body": {"inline_string": "hi"}}}, route("be")]

SCENARIOS = [
    chain("two VMs", [named("a", "1"), named("b", "2")], POST),
    chain("the second reads what the first has set", [
        named("a", "1", wat="properties", mode="set", parameters={"list": ""}),
        named("b", "2", wat="properties", mode="read", parameters={"list": ""})]),
    chain("two plugins in one VM", [named("a", "1"), named("b", "1")], POST),
    chain("two plugins in one VM with the same root id", [named("a", "1", "root"), named("b", "1", "root")], start=True),
    chain("one plugin twice with two configurations", [named("a", "", ""), named("a", "", "", mode="other")], start=True),
    chain("one plugin twice, the same in all", [named("a", "", "", mode="m"), named("a", "", "", mode="m")], start=True),
    chain("two plugins before a local reply", [named("a", "1"), named("b", "2")], request(target="/direct"), routes=DIRECT),
    chain("the first refuses", [named("a", "1", wat="replies", mode="request headers"), named("b", "2")]),
    chain("the second refuses", [named("a", "1"), named("b", "2", wat="replies", mode="request headers")]),
    chain("the second refuses the response", [named("a", "1"), named("b", "2", wat="replies", mode="response headers")]),
    chain("the first waits for the body, the second appends",
          [named("a", "1", wat="bodies", mode="request wait prepend free"),
           named("b", "2", wat="bodies", mode="request wait append free")], POST),
    chain("three with two requests", [named("a", "1"), named("b", "2"), named("c", "1")], twice()),
]

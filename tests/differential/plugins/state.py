"""What outlives a request: shared data, queues, metrics, ticks."""
from runner import Read, wait_seconds

from .calls import SIDE
from .common import GET, after_logs, one
from .scene import Plugin, Scenario

OWN = "own_counter|own_gauge|own_histogram|dotted|space|tagged"
TAGS = {"stats_config": {"stats_tags": [{"tag_name": "value", "regex": "(_value=([a-zA-Z]+))"},
                                        {"tag_name": "reporter", "regex": "(_reporter=([a-zA-Z]+))"}]}}


def case(name, mode, send=GET, **extra):
    return one(name, "state", mode, send, parameters={"vm": "vm"}, **extra)


def timed(name, mode, send=GET, period=20, count=3, **extra):
    return one("tick: " + name, "timed", mode, send, parameters={"period": str(period), "count": str(count)}, **extra)


def pair(name, first, second, vms, send=GET, **extra):
    plugins = [Plugin("state", mode, name=label, root=label, vm=vm, parameters={"vm": label})
               for mode, label, vm in zip((first, second), ("a", "b"), vms)]
    return Scenario(name, "plugin:main", send, plugins=plugins, **extra)


SCENARIOS = [
    case("shared data", "data"),
    pair("shared data of two plugins in one VM's name", "write", "read", ("vm", "vm")),
    pair("shared data of two VMs", "write", "read", ("first", "second")),
    case("queues", "queues", until=("queue ready",)),
    pair("a queue from one VM to another", "send", "receive", ("sender", "receiver"), [GET, Read(), GET, Read()],
         until=("queue ready",)),
    case("metrics", "metrics", admin=(f"/stats?filter={OWN}", f"/stats/prometheus?filter={OWN}"),
         send=[GET, Read(), wait_seconds(6)], bootstrap=TAGS),  # Envoy shows histograms every five seconds.
    timed("in request", "from request", [GET, Read(), after_logs(1, "stop")]),
    timed("with a call each", "call", [GET, Read(), after_logs(3, "callback in context")], side=SIDE),
    timed("that resumes a request", "postpone", count=1),
    timed("that answers a request", "reply", count=1),
]

"""Plugins of ours in Go and Rust, where their toolchains have built them (tests/plugins/build): the SDKs' own ways."""
import json

from harness import reply_always, request, response
from runner import Fresh, Read

from .common import chunk
from .failures import HEALS
from .scene import Plugin, Scenario

SIDE = reply_always(response(headers=[("x-side", "1")], body=b"the answer"))
FIELDS = [("x-old", "old"), ("x-gone", "1"), ("x-kept", "1")]
UPLOAD = request("POST", "/body", [("transfer-encoding", "chunked")], chunk(b"quiet ") + chunk(b"words") + b"0\r\n\r\n")


def kitchen(language, name, *requests, mode="hello", **extra):
    steps = [step for sent in requests for step in (sent, Read())]
    steps = [step for sent in steps for step in ((sent,) if isinstance(sent, Read) else (Fresh(), sent))]
    plugin = Plugin(mode=mode, name="", root="", vm="", built=language + "-kitchen")
    return Scenario(f"{language}: {name}", "plugin:main", steps, side=SIDE, plugins=[plugin], traced=False, **extra)


def get(path, headers=()):
    return request(target=path, headers=headers)


def panics(language, name, path, **extra):
    """A failing request between two good ones."""
    return kitchen(language, name, get("/good"), get(path), get("/good"), errors=False, better=HEALS, ignores=("logs",),
                   holdfast={"responses": lambda seen: [seen[0], seen[1], seen[0]], "upstream": lambda seen: [*seen, seen[0]]}, **extra)


def fanout(name, count, *requests, **extra):
    text = json.dumps({"dispatchCluster": "side", "dispatchCount": count, "authority": "side"})
    plugin = Plugin(mode=text, name="", root="", vm="", built="go-fanout")
    steps = [step for method, sent in requests for step in (sent, Read(method))]
    return Scenario(f"go fanout: {name}", "plugin:main", steps, side=SIDE, plugins=[plugin], system=False, **extra)


BOTH = [
    scenario
    for language in ("go", "rust")
    for scenario in (
        kitchen(language, "headers", get("/headers", FIELDS), get("/plain")),
        kitchen(language, "a local reply", get("/deny"), get("/plain")),
        kitchen(language, "bodies", UPLOAD),
        kitchen(language, "a call", get("/ask")),
        kitchen(language, "a call to nobody", get("/nowhere")),
        kitchen(language, "state", get("/state"), admin=("/stats?filter=kitchen_(requests|level)|rust_requests",)),
        kitchen(language, "a configuration that it refuses", mode="refuse this", refuses=True),
        panics(language, "a panic", "/panic"),
        panics(language, "an index out of range", "/index"),
    )
]

SCENARIOS = BOTH + [
    kitchen("go", "a tick that resumes", get("/tick")),
    kitchen("go", "a queue", get("/letter"), until=("letter: from",)),
    kitchen("go", "another goroutine", get("/goroutine")),
    kitchen("go", "a short sleep", get("/sleep")),
    panics("go", "a nil pointer", "/nil"),
    fanout("three", 3, ("GET", get("/be"))),
    fanout("three to HEAD", 3, ("HEAD", request("HEAD", "/be"))),
    fanout("one, twice", 1, ("GET", get("/be")), ("GET", get("/be"))),
    fanout("three on a local reply", 3, ("GET", get("/dead"))),
    Scenario("rust: ABI 0.1.0", "plugin:main", [get("/plain"), Read(), get("/deny"), Read(), get("/ask"), Read()], side=SIDE,
             plugins=[Plugin(mode="hello", built="rust-legacy")], traced=False),
]

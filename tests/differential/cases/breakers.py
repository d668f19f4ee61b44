"""Circuit breakers: several clients at once, so each case drives its own further connections."""
from harness import Wire, request, response
from runner import Case, Read, Tell, WaitUpstream


def held(connection):
    """Answers each request when told."""
    while connection.next_request() is not None:
        if not connection.wait_told():
            return
        connection.send(response(body=b"ok"))


class Others:
    """Further clients of one case; their answers are checked against what Envoy gave (status only)."""

    def __init__(self, target):
        self.target = target
        self.wires = []

    def send(self, stage):
        wire = Wire.connect(stage.ports["plain"])
        wire.send(request(target=self.target))
        self.wires.append(wire)

    def finish(self, *statuses):
        def step(_stage):
            wires, self.wires = self.wires, []
            seen = []
            for wire in wires:
                with wire:
                    seen.append(wire.read_response().status)
            assert seen == list(statuses), seen

        return step


one = Others("/one/")
request_limit = Others("/one_request")
CASES = [
    Case(
        "breaker: one connection, one pending, the third overflows",
        "breakers:plain",
        [
            one.send,
            WaitUpstream(1),
            one.send,
            lambda stage: _pending(stage, "one", 1),
            request(target="/one/"),
            Read(),
            Tell(),
            one.finish(200, 200),
        ],
        held,
    ),
    Case("breaker: no pending allowed", "breakers:plain", request(target="/none_pending")),
    Case(
        "breaker: one request",
        "breakers:plain",
        [
            request_limit.send,
            WaitUpstream(1),
            request(target="/one_request"),
            Read(),
            Tell(),
            request_limit.finish(200),
        ],
        held,
    ),
]


def _pending(stage, cluster, count):
    from harness import wait_until

    name = f"cluster.{cluster}.upstream_rq_pending_active"
    wait_until(lambda: stage.proxy.stat(name) == count, 10, name)

"""Each case of cases/*.case over real sockets: whole, in pieces, byte by byte. The recording upstream must see what the
case says and nothing else, whatever the client's bytes were."""
import zlib

import anchors
import case_file
import pytest
import verdict
from plugin import check_clean
from recorder import Replay
from rig import Rig

CASES = case_file.load()
DRIBBLED = 400  # Bytes: longer cases are not sent one by one.


class Rigs:
    """One proxy per option set, for the whole run; counts what the upstream may see at most."""

    def __init__(self, binary, directory):
        self.contestant = anchors.contestants(binary)[0]
        self.directory = str(directory)
        self.rigs = {}
        self.allowed = 0

    def get(self, case):
        if case.accept not in self.rigs:
            self.rigs[case.accept] = Rig(lambda upstream: self.contestant.start(case.accept, upstream, self.directory))
        rig = self.rigs[case.accept]
        assert rig.proxy.running(), rig.proxy.stderr()
        return rig

    def play(self, case, **how):
        rig = self.get(case)
        if case.side == "request":
            self.allowed += case.accepted
            return rig.play_request(case, **how)
        return rig.play_response(case, **how)


@pytest.fixture(scope="session")
def rigs(holdfast, tmp_path_factory):
    every = Rigs(holdfast, tmp_path_factory.mktemp("conformance"))
    yield every
    for rig in every.rigs.values():
        rig.stop()
        check_clean(rig.proxy)


def points(case):
    """Two places to cut the bytes: one in the first half, one in the second; the same in each run."""
    size = len(case.data)
    number = zlib.crc32(case.name.encode())
    return sorted({1 + number % max(1, size // 2), max(1, size - 1 - (number >> 8) % max(1, size // 2))} - {size})


def check(case, seen):
    found = verdict.judge(case, seen, exact=True)
    assert found.word == verdict.AS_WANTED, f"{case.place} ({case.source}): {found}\n{seen}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case, rigs):
    check(case, rigs.play(case))
    cuts = points(case)
    if case.side == "request":
        pieces = [case.data[a:b] for a, b in zip([0] + cuts, cuts + [len(case.data)])]
        check(case, rigs.play(case, pieces=pieces))
        if len(case.data) <= DRIBBLED:
            check(case, rigs.play(case, pieces=[bytes([byte]) for byte in case.data], apart=False))
    else:
        check_cut_response(case, rigs.play(case, cut=cuts[0]))


def check_cut_response(case, seen):
    """In two parts that are read one after the other. If the fault comes when the head has gone down, the client sees
    a cut; if it comes behind a whole answer, the connection is not used again. Nothing is answered wrongly."""
    found = verdict.judge(case, seen, exact=True)
    if found.word == verdict.AS_WANTED:
        return
    where = f"{case.place}: {found}\n{seen}"
    assert case.wants != ["pass"] and not seen.poisoned and not seen.broken, where
    assert not seen.kept and not seen.reused and len(seen.answers) <= 1, where
    whole_before = seen.answers and seen.answers[0].complete and seen.answers[0].status < 500
    assert not whole_before or case.group == "response-excess", where


@pytest.mark.parametrize("case", [case for case in CASES if case.group == "response-excess"], ids=lambda case: case.name)
def test_bytes_without_a_request(case, rigs):
    """The same bytes when the answer has been passed on and its connection waits for another request."""
    replay = Replay(case.data)
    replay.read_response(case.asked)
    seen = rigs.play(case, cut=len(case.data) - len(replay.buffer))
    assert [(answer.status, answer.complete) for answer in seen.answers] == [(200, True)], seen
    assert not seen.poisoned and not seen.broken and not seen.kept and not seen.reused, seen


def test_the_upstream_saw_nothing_else(rigs):
    """Over all cases and all ways to send them: not one request more than the clients' framing held."""
    assert sum(rig.recorder.total for rig in rigs.rigs.values()) == rigs.allowed


def test_there_are_enough_cases():
    assert sum(case.side == "request" for case in CASES) >= 290
    assert sum(case.side == "response" for case in CASES) >= 110

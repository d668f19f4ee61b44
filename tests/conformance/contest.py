"""Plays all cases to one proxy after the other and tells each apart by one word (verdict.py)."""
import fnmatch
import os
from dataclasses import dataclass

import verdict
from rig import Rig

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = "Holdfast"
ANCHOR_TIMEOUT = 3.0
ANCHOR_PATIENCE = 5
ANCHOR_TRIES = 6
BEARABLE = (verdict.REFUSED, verdict.ALTERED, verdict.LET_THROUGH)
CONDITIONS = ("sane", "closed", "kept")


@dataclass
class Choice:
    """A line of legitimate.txt."""

    pattern: str
    condition: str
    reason: str

    def covers(self, case, seen, found):
        if not fnmatch.fnmatchcase(case.name, self.pattern) or found.word not in BEARABLE:
            return False
        if self.condition == "closed":
            return not found.tainted and (seen.eof if case.side == "request" else not seen.kept)
        return not found.tainted or self.condition == "kept"


def load_legitimate(path=os.path.join(HERE, "legitimate.txt")):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    choices = [Choice(*line.split(None, 2)) for line in lines]
    wrong = [choice for choice in choices if choice.condition not in CONDITIONS]
    if wrong:
        raise ValueError(f"{path}: unknown condition in {wrong[0]}")
    return choices


class Ring:
    """One contestant's running proxies, one per option set; begun anew after a case that left one unusable."""

    def __init__(self, contestant, directory):
        self.ours = contestant.name == OURS
        self.timeout = 10.0 if self.ours else ANCHOR_TIMEOUT
        self.patience = 0 if self.ours else ANCHOR_PATIENCE
        self.contestant = contestant
        self.directory = directory
        self.rigs = {}

    def get(self, accept):
        if accept not in self.rigs:
            self.rigs[accept] = Rig(
                lambda upstream: self.contestant.start(accept, upstream, self.directory), self.timeout, self.patience
            )
        return self.rigs[accept]

    def play(self, case):
        rig = self.get(case.accept)
        seen = rig.play_request(case) if case.side == "request" else rig.play_response(case)
        if seen.poisoned or not rig.proxy.running():
            self.rigs.pop(case.accept).stop()
        return seen

    def stop(self):
        for rig in self.rigs.values():
            rig.stop()


def contest(contestant, cases, legitimate, directory, progress=lambda text: None):
    """[Verdict], one per case."""
    ring = Ring(contestant, directory)
    try:
        return [say(case, best(ring, case, legitimate), contestant, progress) for case in cases]
    finally:
        ring.stop()


def say(case, result, contestant, progress):
    progress(f"{contestant.name} {case.name}: {result}")
    return result


def best(ring, case, legitimate):
    """Holdfast has to be right at once. The outcome of a few cases wavers with others (HAProxy and bad trailers): the
    mildest of several counts."""
    results = []
    while len(results) < (1 if ring.ours else ANCHOR_TRIES):
        results.append(outcome(ring, case, legitimate))
        if results[-1].word == verdict.AS_WANTED:
            break
    return min(results, key=lambda result: (verdict.ALL.index(result.word), result.detail))


def outcome(ring, case, legitimate):
    seen = ring.play(case)
    result = verdict.judge(case, seen, exact=ring.ours)
    choice = next((each for each in legitimate if each.covers(case, seen, result)), None)
    if choice and not ring.ours:
        return verdict.Verdict(verdict.ALLOWED, str(result), reason=choice.reason)
    return result

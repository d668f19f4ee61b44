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
ANCHOR_TRIES = 3
BEARABLE = (verdict.REFUSED, verdict.ALTERED, verdict.LET_THROUGH)
KINDS = ("sane", "closed", "kept", "refused", "disputed", "wavers")


@dataclass
class Rule:
    """A line of judgement.txt."""

    pattern: str
    kind: str
    reason: str

    def change(self, proxy, case, seen, found):
        """The verdict that this rule makes of `found`, or None."""
        if not fnmatch.fnmatchcase(case.name, self.pattern):
            return None
        if self.kind == "wavers" and self.reason.startswith(proxy):
            return verdict.Verdict(verdict.ALLOWED, "by chance", reason=self.reason)
        if self.kind == "wavers" or found.word not in BEARABLE:
            return None
        if self.kind == "disputed":
            return verdict.Verdict(verdict.SMUGGLED, found.detail) if found.behind else None
        closed = seen.eof if case.side == "request" else not seen.kept
        fits = {
            "sane": not found.tainted,
            "closed": not seen.malformed and closed and not found.behind,
            "kept": True,
            "refused": found.word == verdict.REFUSED,
        }
        return verdict.Verdict(verdict.ALLOWED, str(found), reason=self.reason) if fits[self.kind] else None


def load_judgement(path=os.path.join(HERE, "judgement.txt")):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    rules = [Rule(*line.split(None, 2)) for line in lines]
    wrong = [rule for rule in rules if rule.kind not in KINDS]
    if wrong:
        raise ValueError(f"{path}: unknown kind in {wrong[0]}")
    return rules


def unmatched(rules, cases):
    """Rules for cases that do not exist."""
    return [rule.pattern for rule in rules if not any(fnmatch.fnmatchcase(case.name, rule.pattern) for case in cases)]


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


def contest(contestant, cases, judgement, directory, progress=lambda text: None):
    """[Verdict], one per case."""
    ring = Ring(contestant, directory)
    try:
        return [say(case, best(ring, case, judgement), contestant, progress) for case in cases]
    finally:
        ring.stop()


def say(case, result, contestant, progress):
    progress(f"{contestant.name} {case.name}: {result}")
    return result


def best(ring, case, judgement):
    """Holdfast has to be right at once. Of the others the mildest outcome of several counts."""
    results = []
    while len(results) < (1 if ring.ours else ANCHOR_TRIES):
        results.append(outcome(ring, case, judgement))
        if results[-1].word == verdict.AS_WANTED:
            break
    return min(results, key=lambda result: (verdict.ALL.index(result.word), result.detail))


def outcome(ring, case, judgement):
    seen = ring.play(case)
    result = verdict.judge(case, seen, exact=ring.ours)
    if ring.ours:
        return result
    changed = (rule.change(ring.contestant.name, case, seen, result) for rule in judgement)
    return next((each for each in changed if each), result)

"""What was measured, recorded as JSON, and its medians."""
import json
import os
import pathlib
import statistics

from .cases import CASES


def write(path, run):
    """All or nothing: a run that is cut short leaves its last whole state."""
    path = pathlib.Path(path)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(run, indent=1) + "\n")
    os.replace(part, path)


class Summary:
    """A peer's samples of one case. Those with errors are no result: they are counted, not used."""

    def __init__(self, samples):
        self.errors = sum(sample["errors"] for sample in samples)
        self.good = {sample["round"]: sample for sample in samples if not sample["errors"]}
        self.rounds = len(samples)

    def __bool__(self):
        return bool(self.good)

    def values(self, key):
        return [sample[key] for sample in self.good.values() if key in sample]

    def median(self, key):
        """None where there is no result."""
        values = self.values(key)
        return statistics.median(values) if values else None

    def spread(self, key):
        """(least, most)."""
        values = self.values(key)
        return (min(values), max(values)) if values else None


class Record:
    """One or several runs. Of a case that several have, the last counts: figures are compared within one run only."""

    def __init__(self, runs):
        for run in runs:
            if run.get("format") != 1:
                raise ValueError("not a recording of tests/bench/run")
        self.runs = runs
        self.cases = {}
        for run in runs:
            names = {sample["case"] for sample in run["samples"]}
            for name in names:
                self.cases[name] = self.summaries([sample for sample in run["samples"] if sample["case"] == name])

    @staticmethod
    def summaries(samples):
        peers = {}
        for sample in samples:
            peers.setdefault(sample["peer"], []).append(sample)
        return {peer: Summary(found) for peer, found in peers.items()}

    def ordered(self, kind, fan=None):
        """Cases of a kind that were measured, in the order of cases.py."""
        return [case for name, case in CASES.items()
                if name in self.cases and case.kind == kind and (fan is None or bool(case.fan) == fan)]

    def median(self, case, peer, key):
        summary = self.cases.get(case, {}).get(peer)
        return summary.median(key) if summary else None

    def ratio(self, case, key, peer, other):
        """(ratio of the medians, least and most of the ratios round by round), or None."""
        summaries = self.cases.get(case, {})
        mine, theirs = summaries.get(peer), summaries.get(other)
        if not mine or not theirs:
            return None
        above, below = mine.median(key), theirs.median(key)
        if not above or not below:
            return None
        both = sorted(mine.good[number][key] / theirs.good[number][key]
                      for number in mine.good.keys() & theirs.good.keys())
        return above / below, (both[0], both[-1]) if both else None

    def least_rounds(self):
        """The fewest rounds that a case with as many rounds as asked for has."""
        counts = [summary.rounds for name, peers in self.cases.items() if not CASES[name].rounds
                  for summary in peers.values()]
        return min(counts, default=0)

    def newest(self, key):
        """Of the last run that has it."""
        for run in reversed(self.runs):
            if run.get(key):
                return run[key]
        return None

"""Fail the N-th I/O of whole exchanges, for each N until the exchange passes untouched; the real daemon's own code."""
import itertools

import pytest
from daemon import Daemon
from exchanges import EXCHANGES
from faults import FAULTS, Control

MOST = 400  # I/O of one exchange; more means that it does not end.


def numbers(sample):
    """1, 2, 3 ... or, for a sample, 1, 4, 7 ..."""
    return itertools.count(1, 3 if sample else 1)


def fail_each(daemon, control, exchange, fault, sample):
    """Runs the exchange until this fault has no call left to hit; how often it hit."""
    for number in numbers(sample):
        assert number < MOST
        control.arm(fault, number)
        try:
            exchange(daemon)
            daemon.settled()
            hit = control.disarm()
            daemon.follow_up()
            daemon.upstream_saw_what_was_sent()
            daemon.empty_pools()
        except AssertionError as error:
            raise AssertionError(f"{exchange.__name__}, {fault}, call {number}: {error}") from error
        if not hit:
            return number - 1


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.__name__)
def test_nth_io(faulty, tmp_path, workers, threads_watched, exchange):
    control = Control(tmp_path / "faults")
    daemon = Daemon(faulty, tmp_path / "daemon", workers, {"HOLDFAST_FAULTS": control.path})
    hits = 0
    try:
        for fault in FAULTS:
            hits += fail_each(daemon, control, exchange, fault, threads_watched)
    finally:
        daemon.stop()
        control.close()
    assert hits > len(FAULTS) // 2, "the faults did not reach the exchange"

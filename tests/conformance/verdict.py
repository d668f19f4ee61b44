"""What became of a case, in one word.

    as wanted          refused as the case says, or forwarded as it says
    refused otherwise  a good message was refused, or a bad one is waited for
    altered            a good message was forwarded as another one
    let through        a bad message was forwarded
    smuggled           the other side got more messages than the bytes hold, or another client's answer

Any error status counts as a refusal: which one is a matter of taste, but for Holdfast (`exact`).
"""
from dataclasses import dataclass

AS_WANTED = "as wanted"
REFUSED = "refused otherwise"
ALTERED = "altered"
LET_THROUGH = "let through"
SMUGGLED = "smuggled"
ALLOWED = "allowed"  # Given by legitimate.txt only.
ALL = (AS_WANTED, ALLOWED, REFUSED, ALTERED, LET_THROUGH, SMUGGLED)


@dataclass
class Verdict:
    word: str
    detail: str = ""
    tainted: bool = False  # What must never appear in the other side's message did, or that message is not valid HTTP.
    behind: bool = False  # What stands behind a bad message was taken for another message.
    reason: str = ""  # Of "allowed".

    def __str__(self):
        return f"{self.word}: {self.detail}" if self.detail else self.word


def statuses(seen):
    """What the client got, in short."""
    words = [str(answer.status) + ("" if answer.complete else " cut") for answer in seen.answers]
    if seen.broken:
        words.append("no HTTP")
    if seen.eof and not words:
        words.append("closed")
    return " ".join(words) or "no answer"


def requests(messages):
    return ", ".join(f"{m[0].decode('latin-1')} {m[1].decode('latin-1')[:40]}" for m in messages)


def judge(case, seen, exact=False):
    found = judge_request(case, seen, exact) if case.side == "request" else judge_response(case, seen, exact)
    received = seen.upstream_raw if case.side == "request" else seen.raw
    passed_on = holds(received, case.never)
    if passed_on and found.word == AS_WANTED:
        return Verdict(LET_THROUGH if is_refusal(case) else ALTERED, f"{passed_on!r} was passed on", tainted=True)
    if case.side == "request":
        received = b"".join(seen.bytes_of[: case.accepted + is_refusal(case)])
    found.tainted = bool(holds(received, case.never) or seen.malformed or (case.side == "response" and seen.broken))
    return found


def holds(received, texts):
    """The first of the texts that is in there, whatever its case."""
    return next((text.decode("latin-1") for text in texts if text.lower() in received.lower()), "")


def is_refusal(case):
    return case.wants[-1] not in ("forward", "pass")


# --- Requests -----------------------------------------------------------------------------------------------------


def judge_request(case, seen, exact):
    if seen.poisoned:
        return Verdict(SMUGGLED, seen.poisoned)
    extra = len(seen.messages) + len(seen.malformed) - case.accepted
    if extra > 0:
        return judge_extra(case, seen, extra)
    if is_refusal(case):
        if seen.messages != case.sees[: len(seen.messages)]:
            return Verdict(ALTERED, requests(seen.messages))
        return judge_refusal(case, seen, exact)
    if seen.malformed:
        return Verdict(ALTERED, seen.malformed[0])
    if len(seen.messages) < case.accepted:
        return Verdict(REFUSED, statuses(seen))
    if seen.messages != case.sees:
        return Verdict(ALTERED, difference(case.sees, seen.messages))
    got = [answer.status for answer in seen.answers if answer.complete and not answer.own]
    if got != [200] * case.accepted or seen.broken:
        return Verdict(ALTERED, f"the client got {statuses(seen)} {seen.broken}")
    return Verdict(AS_WANTED)


def judge_extra(case, seen, extra):
    """More arrived than is good. Where one is to be refused, that one and, as a consequence, what follows it; unless the
    client's answers say that it was refused and what follows was taken nevertheless."""
    what = f"upstream got {requests(seen.messages)}".rstrip()
    if seen.malformed:
        what += f" [{seen.malformed[0]}]"
    refused_first = bool(seen.answers) and seen.answers[0].own and case.accepted == 0 and seen.answers[0].status >= 400
    if not is_refusal(case) or refused_first:
        return Verdict(SMUGGLED, what)
    return Verdict(LET_THROUGH, what, behind=extra > 1)


def judge_refusal(case, seen, exact):
    want = case.wants[-1]
    final = seen.answers[case.accepted :]
    if want == "wait":
        if final or seen.eof:
            return Verdict(REFUSED, statuses(seen))
        return Verdict(AS_WANTED)
    if len(seen.messages) < case.accepted:
        return Verdict(REFUSED, statuses(seen))
    if len(final) > 1 or seen.broken:
        return Verdict(SMUGGLED if len(final) > 1 else ALTERED, f"the client got {statuses(seen)} {seen.broken}")
    if final and final[0].status < 400:
        return Verdict(ALTERED, f"answered with {statuses(seen)} by itself")
    if not final and not seen.eof:
        return Verdict(REFUSED, "waits for more")
    answered = [answer.status for answer in seen.answers[: case.accepted] if not answer.own]
    if exact and (answered != [200] * case.accepted or not final or str(final[0].status) != want or not seen.eof):
        return Verdict(REFUSED, f"{statuses(seen)}, {'closed' if seen.eof else 'left open'}")
    return Verdict(AS_WANTED, "" if final and str(final[0].status) == want else statuses(seen))


def difference(wanted, got):
    for sees, message in zip(wanted, got):
        for name, expected, found in zip(("method", "target", "host", "body"), sees, message):
            if expected != found:
                return f"{name} {short(found)} instead of {short(expected)}"
    return "other messages"


def short(data):
    text = data.decode("latin-1")
    return repr(text if len(text) <= 60 else text[:57] + "...")


# --- Responses ----------------------------------------------------------------------------------------------------


def judge_response(case, seen, exact):
    want = case.wants[-1]
    if seen.poisoned:
        return Verdict(SMUGGLED, seen.poisoned)
    if len(seen.answers) > 1:
        return Verdict(SMUGGLED, f"the client got {statuses(seen)}")
    first = seen.answers[0] if seen.answers else None
    refused = (first is None and seen.eof and not seen.broken) or (first is not None and first.own_error)
    if want == "pass":
        if refused:
            return Verdict(REFUSED, statuses(seen))
        return judge_passed(case, seen, first)
    if seen.broken:
        return Verdict(LET_THROUGH, f"the client got {seen.broken}")
    if first is None and not seen.eof:
        return Verdict(REFUSED, "waits for more")
    if not refused and first.complete:
        return Verdict(LET_THROUGH, f"the client got {statuses(seen)}")
    if exact:
        return judge_exactly(want, seen, first)
    return Verdict(AS_WANTED, "" if first and str(first.status) in want else statuses(seen))


def judge_passed(case, seen, first):
    status, body = case.sees[0]
    if seen.broken or first is None:
        return Verdict(ALTERED, f"the client got {seen.broken or statuses(seen)}")
    if not first.complete or str(first.status).encode() != status:
        return Verdict(ALTERED, f"the client got {statuses(seen)}")
    if first.body != body:
        return Verdict(ALTERED, f"body {short(first.body)} instead of {short(body)}")
    return Verdict(AS_WANTED)


def judge_exactly(want, seen, first):
    cut = first is not None and not first.own_error
    if ("cut" if cut else "502") not in want.split("|") or (not cut and (first is None or first.status != 502)):
        return Verdict(REFUSED, statuses(seen))
    if seen.kept or seen.reused:
        return Verdict(SMUGGLED, "the connection to the upstream was kept")
    return Verdict(AS_WANTED)

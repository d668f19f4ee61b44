"""Writes docs/conformance.md from what contest.py found: the same text for the same outcome."""
import verdict

HEAD = """# Conformance: hostile and odd bytes, case by case

Made by `tests/conformance/run --anchors --write docs/conformance.md`; do not edit. `tests/conformance/cases` holds {count} cases,
{requests} of what a client sends and {responses} of what an upstream answers, each with the rule or the attack it comes from. Each is
sent over a socket through a proxy with one worker to an upstream that keeps the exact bytes it gets and reads them strictly.
After each case further requests, of the same client and of others, must get their own answers. Set up like this:

{setup}

| outcome | meaning |
| --- | --- |
| as wanted | refused where the case says so (an error status, a close, a visible cut), else forwarded as the case says |
| allowed | another outcome that the RFCs leave to the recipient, or a matter of taste (`tests/conformance/judgement.txt`, last table) |
| refused otherwise | a valid message was refused, or a broken one is waited for without an answer |
| altered | a valid message reached the other side as another one |
| let through | a message that is to be refused reached the other side |
| smuggled | the other side got more messages than the bytes hold under any reading, or bytes whose reading is disputed as a message of their own, or another client got an answer that is not its own |

Of Holdfast the exact status and the close of both connections are asked, too, and nothing is "allowed". Of the others any refusal
counts, and of several tries the mildest outcome.
"""

SETUP = {
    "Envoy": "Envoy: an HTTP connection manager and the router, nothing else set (`accept_http_10` where a case says so).",
    "nginx": "nginx: `proxy_pass` to an `upstream` with `keepalive`, `proxy_http_version 1.1`, `Connection \"\"`, `Host $host`.",
    "HAProxy": "HAProxy: `mode http`, `http-reuse safe`.",
}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def totals(results):
    rows = []
    for word in verdict.ALL:
        rows.append([word] + [sum(each.word == word for each in found) for found in results.values()])
    return rows


def groups(cases, results):
    """Per group: how many cases, and how many of them each proxy treats as wanted (+ allowed)."""
    rows = []
    for group in sorted({case.group for case in cases}):
        numbers = [number for number, case in enumerate(cases) if case.group == group]
        row = [group, len(numbers)]
        for found in results.values():
            good = sum(found[number].word == verdict.AS_WANTED for number in numbers)
            allowed = sum(found[number].word == verdict.ALLOWED for number in numbers)
            row.append(f"{good} + {allowed}" if allowed else good)
        rows.append(row)
    return rows


def escape(text):
    text = "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text)
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def where_different(cases, results):
    rows = []
    for number, case in enumerate(cases):
        words = [found[number] for found in results.values()]
        if any(each.word not in (verdict.AS_WANTED, verdict.ALLOWED) for each in words):
            cells = ["" if each.word == verdict.AS_WANTED else escape(each.word) for each in words]
            rows.append([f"`{case.name}`", escape(case.source), " ".join(case.wants).replace("|", " or ")] + cells)
    return rows


def allowed_rows(cases, results):
    counts = {}
    for number in range(len(cases)):
        for name, found in results.items():
            if found[number].word == verdict.ALLOWED:
                by = counts.setdefault(found[number].reason, {})
                by[name] = by.get(name, 0) + 1
    names = list(results)[1:]
    return [[escape(reason)] + [by.get(name, 0) for name in names] for reason, by in counts.items()]


def write(cases, results, versions):
    names = [f"{name} {versions[name]}" for name in results]
    setup = "\n".join("- " + SETUP[name] for name in results if name in SETUP)
    requests = sum(case.side == "request" for case in cases)
    parts = [
        HEAD.format(count=len(cases), requests=requests, responses=len(cases) - requests, setup=setup),
        "## Totals\n",
        table(["outcome"] + names, totals(results)),
        "\n## As wanted (+ allowed), by group\n",
        table(["group", "cases"] + list(results), groups(cases, results)),
        "\n## Where one differs\n\nAn empty cell is \"as wanted\".\n",
        table(["case", "source", "wanted"] + list(results), where_different(cases, results)),
        "\n## What counts as allowed\n",
        table(["why"] + list(results)[1:], allowed_rows(cases, results)),
    ]
    return "\n".join(parts) + "\n"

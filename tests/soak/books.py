"""The two sides of the soak test's books: the clients' ledger against the daemon's access log and counters.

Each request that a client sent ends in one of these ways, and each has one counterpart in the daemon:

    the client saw     the access log has
    answered, STATUS   one line with its id and STATUS, not DC: a whole response, ours or the upstream's
    cut, STATUS        one line with its id and STATUS, flag UPE, "..._reset_after_response_started..."
    aborted            one line with its id and flag DC; or, for a response that the client left while the last of it
                       lay in the sockets' buffers, one with all bytes sent
    unserved           none: it was pipelined behind a response that closed the connection
    unbegun            none: the client left within the head
    refused            a line without an id (no head could be read), with the same status: malformed, late_head

and no line is left over. Then the lines, counted, are the counters: all of them downstream_rq_total, those of each
class of status downstream_rq_Nxx, those with DC downstream_rq_rx_reset, the cut ones downstream_rq_tx_reset.
"""
import array
import collections
import re

WHOLE = 20_000_000  # The body of a response that clients leave.
NO_ID = ("malformed", "late_head")
CUT = "reset_after_response_started"
OUTCOMES = ("open", "answered", "cut", "aborted", "unserved", "unbegun")

Entry = collections.namedtuple("Entry", "kind outcome status")
Line = collections.namedtuple("Line", "code sent flags details")


def kind_names(source):
    """The kinds in their order, out of ledger.hpp."""
    names = re.search(r"kKindNames\{(.*?)\};", source.read_text(encoding="utf-8"), re.S).group(1)
    return re.findall(r'"(\w+)"', names)


def read_ledger(path, kinds):
    raw = array.array("I")
    raw.frombytes(path.read_bytes())
    return [Entry(kinds[word & 0xFF], OUTCOMES[word >> 8 & 0xFF], word >> 16) for word in raw]


def read_log(path):
    """({id: [lines]}, [lines without an id])"""
    by_id, without = collections.defaultdict(list), []
    with open(path, encoding="ascii") as file:
        for text in file:
            name, code, sent, flags, details = text.rstrip("\n").split(" ", 4)
            line = Line(int(code), int(sent), flags.split(","), details)
            if name == "-":
                without.append(line)
            else:
                by_id[int(name)].append(line)
    return by_id, without


class Books:
    """Holds one side against the other; `findings` says what does not agree."""

    def __init__(self):
        self.findings = collections.Counter()
        self.examples = {}

    def object(self, what, example=""):
        self.findings[what] += 1
        self.examples.setdefault(what, example)

    def require(self, what, left, right):
        if left != right:
            self.object(f"{what}: {left} is not {right}")

    def compare_requests(self, ledger, by_id):
        for number, entry in enumerate(ledger):
            if entry.kind in NO_ID:
                continue
            lines = by_id.pop(number, [])
            wanted = 0 if entry.outcome in ("unserved", "unbegun") else 1
            if len(lines) != wanted:
                self.object(f"{entry.kind}, {entry.outcome}: {len(lines)} log lines, not {wanted}", number)
            elif lines and not agrees(entry, lines[0]):
                self.object(f"{entry.kind}, {entry.outcome} {entry.status}: the log disagrees", (number, lines[0]))
        if by_id:
            self.object(f"{len(by_id)} log lines for requests that nobody sent", next(iter(by_id)))

    def compare_refusals(self, ledger, without):
        told = collections.Counter(entry.status for entry in ledger if entry.kind in NO_ID)
        self.require("refused by status", dict(told), dict(collections.Counter(line.code for line in without)))

    def compare_counters(self, lines, stats):
        def total(name):
            return sum(value for key, value in stats.items() if re.fullmatch(rf"http\.soak\d*\.{name}", key))

        classes = collections.Counter(line.code // 100 for line in lines)
        self.require("downstream_rq_total and log lines", total("downstream_rq_total"), len(lines))
        for digit in range(1, 6):
            name = f"downstream_rq_{digit}xx"
            self.require(f"{name} and log lines", total(name), classes[digit])
        self.require("downstream_rq_completed and log lines with a status", total("downstream_rq_completed"),
                     len(lines) - classes[0])
        self.require("downstream_rq_rx_reset and DC lines", total("downstream_rq_rx_reset"),
                     sum("DC" in line.flags for line in lines))
        self.require("downstream_rq_tx_reset and lines of cut responses", total("downstream_rq_tx_reset"),
                     sum(CUT in line.details for line in lines))
        calls = {name: value for key, value in stats.items() for name in re.findall(r"dispatch\.(calls_\w+)$", key)}
        ended = sum(calls[f"calls_{name}"] for name in ("ok", "failed", "timeout", "overflow", "cancelled"))
        self.require("side requests begun and ended", calls["calls_total"], ended)
        self.require("dropped log lines", stats.get("filesystem.dropped", 0), 0)


def agrees(entry, line):
    if entry.outcome == "answered":
        return line.code == entry.status and "DC" not in line.flags and CUT not in line.details
    if entry.outcome == "cut":
        return line.code == entry.status and "UPE" in line.flags and CUT in line.details
    if entry.kind == "abort_in_response" and "DC" not in line.flags:
        return line.code == 200 and line.sent == WHOLE
    return entry.outcome == "aborted" and "DC" in line.flags


def table(ledger, kinds):
    """Requests by kind and outcome, as text."""
    counts = collections.Counter((entry.kind, entry.outcome) for entry in ledger)
    yield f"{'':18}{'sent':>9}" + "".join(f"{name:>9}" for name in OUTCOMES[1:])
    for kind in [*kinds, "all"]:
        row = [sum(n for (k, o), n in counts.items() if kind in (k, "all") and o == name) for name in OUTCOMES[1:]]
        yield f"{kind:18}{sum(row):9}" + "".join(f"{n or '':>9}" for n in row)

"""Reads tests/conformance/cases/*.case: byte-level cases of hostile and of odd but valid HTTP/1.

    # comment (only between cases)
    @case NAME             unique over all files: group/what
    @source TEXT           where the rule or the attack is written down
    @side request|response whose bytes these are; default request
    @accept http10         the listener accepts HTTP/1.0
    @asked METHOD          responses: the method of the request that they answer; default GET
    @end close             the sender closes its sending side behind the bytes
    @want VERDICT          requests, a line per message: forward, wait or a status. Responses: pass, 502, cut or 502|cut
    @sees A B C D          per forward: METHOD TARGET HOST BODY; per pass: STATUS BODY; `-` is empty
    @never TEXT            must not appear in anything that the other side receives
    |text  >text           these bytes; these bytes and CRLF. *N|text, *N>text: N times. Escapes: \\r \\n \\t \\0 \\\\ \\xHH

Anything else is an error that names file and line.
"""
import os
import re
from dataclasses import dataclass, field

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*\Z")
BYTES = re.compile(r"(?:\*(\d+))?([|>])(.*)\Z", re.S)
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.|\Z)", re.S)
SIMPLE = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
LARGEST = 4 << 20
ONCE = {"source": None, "side": ("request", "response"), "accept": ("http10",), "asked": None, "end": ("close",)}


class CaseError(Exception):
    """FILE:LINE: what is wrong with it."""


@dataclass
class Case:
    name: str
    place: str  # FILE:LINE of its @case.
    source: str = ""
    side: str = "request"
    accept: str = ""
    asked: str = "GET"
    end: str = ""
    wants: list = field(default_factory=list)
    sees: list = field(default_factory=list)  # Tuples of bytes.
    never: list = field(default_factory=list)
    data: bytes = b""

    @property
    def group(self):
        return self.name.split("/")[0]

    @property
    def accepted(self):
        """How many messages in it are good."""
        return sum(want in ("forward", "pass") for want in self.wants)


def unescape(text):
    def value(match):
        word = match.group(1)
        if word[:1] == "x" and len(word) == 3:
            return chr(int(word[1:], 16))
        if word not in SIMPLE:
            raise ValueError(f"unknown escape \\{word}")
        return SIMPLE[word]

    return ESCAPE.sub(value, text).encode("latin-1")


class Reader:
    """One file, line by line."""

    def __init__(self, path):
        self.path = path
        self.number = 0
        self.cases = []
        self.case = None
        self.given = set()

    def fail(self, text, place=None):
        raise CaseError(f"{place or f'{os.path.basename(self.path)}:{self.number}'}: {text}")

    def read(self):
        with open(self.path, "rb") as file:
            raw = file.read()
        for self.number, line in enumerate(raw.split(b"\n"), 1):
            if not line.isascii() or re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line):
                self.fail("only printable ASCII: write other bytes as escapes")
            self.take(line.decode("ascii"))
        self.close()
        return self.cases

    def take(self, line):
        if line.startswith("@"):
            word, _, text = line[1:].partition(" ")
            self.directive(word, text)
        elif BYTES.match(line):
            self.add_bytes(*BYTES.match(line).groups())
        elif line.startswith("#"):
            if self.case is not None and not self.case.data:
                self.fail("a comment inside a case")
        elif line.strip():
            self.fail(f"neither directive nor bytes: {line[:40]!r}")

    def directive(self, word, text):
        if not text.strip() or (text != text.strip() and word != "never"):
            self.fail(f"@{word} needs a text, without space around it")
        if word == "case":
            return self.begin(text)
        if self.case is None:
            self.fail(f"@{word} outside a case")
        if self.case.data:
            self.fail(f"@{word} behind the bytes")
        if word in ONCE:
            if word in self.given:
                self.fail(f"@{word} twice")
            if ONCE[word] and text not in ONCE[word]:
                self.fail(f"@{word} wants one of {', '.join(ONCE[word])}, not {text!r}")
            self.given.add(word)
            setattr(self.case, word, text)
        elif word == "want":
            self.case.wants.append(text)
        elif word == "sees":
            self.case.sees.append(tuple(self.text("" if part == "-" else part) for part in text.split(" ")))
        elif word == "never":
            self.case.never.append(self.text(text))
        else:
            self.fail(f"unknown directive @{word}")

    def text(self, escaped):
        try:
            return unescape(escaped)
        except ValueError as error:
            self.fail(str(error))

    def begin(self, name):
        self.close()
        if not NAME.match(name):
            self.fail(f"bad name {name!r}: group/what, lower case, words joined by '-'")
        self.case = Case(name, f"{os.path.basename(self.path)}:{self.number}")
        self.given = set()

    def add_bytes(self, times, kind, text):
        if self.case is None:
            self.fail("bytes outside a case")
        data = self.text(text) + (b"\r\n" if kind == ">" else b"")
        self.case.data += data * int(times or 1)
        if len(self.case.data) > LARGEST:
            self.fail(f"more than {LARGEST} bytes")

    def close(self):
        """The case is whole: do its parts fit together?"""
        case, self.case = self.case, None
        if case is None:
            return
        if not case.source:
            self.fail("no @source", case.place)
        if not case.data:
            self.fail("no bytes", case.place)
        if not case.wants:
            self.fail("no @want", case.place)
        request = case.side == "request"
        known = r"forward|wait|[45]\d\d" if request else r"pass|502|cut|502\|cut"
        for want in case.wants:
            if not re.fullmatch(known, want):
                self.fail(f"unknown @want {want} for a {case.side}", case.place)
        if not request and len(case.wants) > 1:
            self.fail("one @want for a response: what comes behind it was not asked for", case.place)
        if any(want not in ("forward", "pass") for want in case.wants[:-1]):
            self.fail("a @want behind one that ends the connection", case.place)
        if len(case.sees) != case.accepted:
            self.fail(f"{len(case.sees)} @sees for {case.accepted} accepted messages", case.place)
        if any(len(sees) != (4 if request else 2) for sees in case.sees):
            self.fail("@sees wants METHOD TARGET HOST BODY, or STATUS BODY", case.place)
        if request and "asked" in self.given:
            self.fail("@asked beside a request", case.place)
        self.cases.append(case)


def load(directory=DIRECTORY):
    """All cases of a directory, in the order of file names and lines."""
    cases, places = [], {}
    for name in sorted(os.listdir(directory)):
        if name.endswith(".case"):
            cases += Reader(os.path.join(directory, name)).read()
    for case in cases:
        if case.name in places:
            raise CaseError(f"{case.place}: {case.name} is at {places[case.name]}, too")
        places[case.name] = case.place
    return cases

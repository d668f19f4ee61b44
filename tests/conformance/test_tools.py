"""The tools of this suite themselves: what the reader refuses, what the strict parser refuses, what a verdict notices."""
import os

import case_file
import contest
import pytest
import recorder
import verdict
from case_file import Case, CaseError, Reader, unescape
from plugin import ROOT
from rig import Answer, Seen
from wire import Closed, Malformed

GOOD = "@case a/b\n@source RFC 9112 2\n@want forward\n@sees GET /x a.test -\n>GET /x HTTP/1.1\n>Host: a.test\n>\n"


def read(tmp_path, text):
    path = tmp_path / "some.case"
    path.write_text(text, encoding="utf-8")
    return Reader(str(path)).read()


def test_a_case_is_read(tmp_path):
    (case,) = read(tmp_path, "# Comment.\n\n" + GOOD + "*2|\\r\\n\\x41\\\\\\0\\t\n# Another.\n")
    assert case.data == b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n" + b"\r\nA\\\0\t" * 2
    assert (case.name, case.group, case.place) == ("a/b", "a", "some.case:3")
    assert (case.wants, case.sees) == (["forward"], [(b"GET", b"/x", b"a.test", b"")])


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        ("@source RFC 9112 2\n", "", "some.case:1: no @source"),
        ("@want forward\n", "", "some.case:1: no @want"),
        (">GET /x HTTP/1.1\n>Host: a.test\n>\n", "", "some.case:1: no bytes"),
        ("@want", "@wants", "some.case:3: unknown directive @wants"),
        ("forward", "refuse", "unknown @want refuse"),
        ("forward", "pass", "unknown @want pass"),
        ("forward", "400\n@want forward", "behind one that ends"),
        ("@sees GET /x a.test -\n", "", "0 @sees for 1"),
        ("a.test -", "a.test", "@sees wants METHOD TARGET HOST BODY"),
        ("@want forward", "@side both\n@want forward", "some.case:3: @side wants one of"),
        ("@want forward", "@accept http10\n@accept http10\n@want forward", "some.case:4: @accept twice"),
        ("@want forward", "@asked HEAD\n@want forward", "@asked beside a request"),
        ("a/b", "A/b", "some.case:1: bad name"),
        (">GET", "GET", "neither directive nor bytes"),
        (">GET", ">\\qGET", "some.case:5: unknown escape \\q"),
        (">GET", ">\\x4GET", "unknown escape \\x"),
        (">GET", ">\u00e9GET", "only printable ASCII"),
        (">Host", "@end close\n>Host", "some.case:6: @end behind the bytes"),
        ("@want forward", "# hm\n@want forward", "a comment inside a case"),
        ("@case a/b\n", "", "some.case:1: @source outside a case"),
        (">GET", "*9999999>GET", "more than"),
    ],
)
def test_the_reader_refuses(tmp_path, old, new, complaint):
    assert old in GOOD
    with pytest.raises(CaseError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert complaint in str(error.value)


def test_a_name_is_used_once(tmp_path):
    read(tmp_path, GOOD)
    (tmp_path / "other.case").write_text(GOOD, encoding="utf-8")
    with pytest.raises(CaseError, match="some.case:1: a/b is at other.case:1, too"):
        case_file.load(str(tmp_path))


HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Host: b\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 01\r\n\r\na",
        HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
        HEAD + b"X: a\nY: b\r\n\r\n",
        HEAD + b"X: a\rb\r\n\r\n",
        HEAD + b"X: a\r\n b\r\n\r\n",
        HEAD + b"X : a\r\n\r\n",
        HEAD + b"X: \x01\r\n\r\n",
        b"POST  /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/1.2\r\nHost: a\r\n\r\n",
        b"POST /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /x HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"\nGET /",
    ],
)
def test_the_strict_parser_refuses(data):
    with pytest.raises(Malformed):
        recorder.read_request(data)


def test_the_strict_parser_waits_for_the_rest():
    whole = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
    for size in range(1, len(whole)):
        with pytest.raises(Closed):
            recorder.read_request(whole[:size])
    message, used = recorder.read_request(whole + b"GET /next")
    assert (recorder.seen(message), used) == ((b"POST", b"/x", b"a", b"a"), len(whole))


SEES = (b"GET", b"/x", b"a.test", b"")
OTHER = (b"GET", b"/y", b"a.test", b"")
OK = Answer(200, b"recorded\n", True, False)
BAD = Answer(400, b"", True, True)


def request_case(want, never=()):
    sees = [SEES] if want == "forward" else []
    return Case("a/b", "x:1", source="s", wants=[want], sees=sees, never=list(never), data=b"x")


@pytest.mark.parametrize(
    "want, seen, word",
    [
        ("forward", Seen(answers=[OK], messages=[SEES]), verdict.AS_WANTED),
        ("forward", Seen(answers=[BAD], eof=True), verdict.REFUSED),
        ("forward", Seen(answers=[OK], messages=[OTHER]), verdict.ALTERED),
        ("forward", Seen(answers=[OK], malformed=["two"], bytes_of=[b"x"]), verdict.ALTERED),
        ("forward", Seen(answers=[OK, OK], messages=[SEES, OTHER]), verdict.SMUGGLED),
        ("forward", Seen(answers=[OK], messages=[SEES], poisoned="lost"), verdict.SMUGGLED),
        ("forward", Seen(answers=[BAD], messages=[SEES]), verdict.ALTERED),
        ("400", Seen(answers=[BAD], eof=True), verdict.AS_WANTED),
        ("400", Seen(answers=[BAD], eof=False), verdict.REFUSED),
        ("431", Seen(answers=[BAD], eof=True), verdict.REFUSED),
        ("400", Seen(answers=[OK], eof=True), verdict.ALTERED),
        ("400", Seen(), verdict.REFUSED),
        ("400", Seen(answers=[OK], messages=[SEES], bytes_of=[b"x"]), verdict.LET_THROUGH),
        ("400", Seen(answers=[OK], malformed=["two"], bytes_of=[b"x"]), verdict.LET_THROUGH),
        ("400", Seen(answers=[BAD, OK], messages=[OTHER], bytes_of=[b"x"]), verdict.SMUGGLED),
        ("400", Seen(answers=[BAD], eof=True, upstream_raw=b"GET /ADMIN"), verdict.LET_THROUGH),
        ("wait", Seen(), verdict.AS_WANTED),
        ("wait", Seen(answers=[BAD], eof=True), verdict.REFUSED),
        ("wait", Seen(messages=[SEES], bytes_of=[b"x"]), verdict.LET_THROUGH),
    ],
)
def test_verdicts_of_requests(want, seen, word):
    assert verdict.judge(request_case(want, [b"/admin"]), seen, exact=True).word == word


FINE = Answer(200, b"hello", True, True)
CUT = Answer(200, b"hel", False, True)
GATEWAY = Answer(502, b"", True, True)


@pytest.mark.parametrize(
    "want, seen, word",
    [
        ("pass", Seen(answers=[FINE]), verdict.AS_WANTED),
        ("pass", Seen(answers=[GATEWAY]), verdict.REFUSED),
        ("pass", Seen(answers=[CUT], eof=True), verdict.ALTERED),
        ("pass", Seen(answers=[Answer(200, b"other", True, True)]), verdict.ALTERED),
        ("pass", Seen(answers=[FINE, FINE]), verdict.SMUGGLED),
        ("502", Seen(answers=[GATEWAY]), verdict.AS_WANTED),
        ("502", Seen(answers=[GATEWAY], kept=True), verdict.SMUGGLED),
        ("502", Seen(answers=[GATEWAY], reused=1), verdict.SMUGGLED),
        ("502", Seen(answers=[GATEWAY], poisoned="shifted"), verdict.SMUGGLED),
        ("502", Seen(answers=[CUT], eof=True), verdict.REFUSED),
        ("502", Seen(answers=[FINE]), verdict.LET_THROUGH),
        ("502", Seen(broken="garbage"), verdict.LET_THROUGH),
        ("502|cut", Seen(answers=[CUT], eof=True), verdict.AS_WANTED),
        ("cut", Seen(answers=[GATEWAY]), verdict.REFUSED),
        ("502", Seen(), verdict.REFUSED),
    ],
)
def test_verdicts_of_responses(want, seen, word):
    sees = [(b"200", b"hello")] if want == "pass" else []
    case = Case("a/b", "x:1", source="s", side="response", wants=[want], sees=sees, data=b"x")
    assert verdict.judge(case, seen, exact=True).word == word


def test_each_rule_of_the_judgement_is_about_some_case():
    assert not contest.unmatched(contest.load_judgement(), case_file.load())


def test_a_rule_bears_what_does_no_harm_and_nothing_else():
    rule = contest.Rule("a/*", "sane", "why")
    case = request_case("400", [b"/admin"])
    harmless = Seen(answers=[OK], messages=[SEES], bytes_of=[b"GET /x"])
    assert rule.change("nginx", case, harmless, verdict.judge(case, harmless)).word == verdict.ALLOWED
    harmful = Seen(answers=[OK], messages=[SEES], bytes_of=[b"GET /admin"])
    assert rule.change("nginx", case, harmful, verdict.judge(case, harmful)) is None
    smuggled = Seen(answers=[BAD, OK], messages=[OTHER], bytes_of=[b"GET /x"])
    assert rule.change("nginx", case, smuggled, verdict.judge(case, smuggled)) is None


def test_what_wavers_is_allowed_to_the_one_that_wavers():
    rule = contest.Rule("a/*", "wavers", "HAProxy does so by chance")
    case, seen = request_case("400"), Seen(answers=[BAD], eof=True)
    assert rule.change("HAProxy", case, seen, verdict.judge(case, seen)).word == verdict.ALLOWED
    assert rule.change("nginx", case, seen, verdict.judge(case, seen)) is None


def test_the_page_is_about_these_cases():
    with open(os.path.join(ROOT, "docs", "conformance.md"), encoding="utf-8") as file:
        text = file.read()
    cases = case_file.load()
    assert f"{len(cases)} cases" in text
    for group in {case.group for case in cases}:
        assert f"\n| {group} | {sum(case.group == group for case in cases)} |" in text


def test_escapes():
    assert unescape("a\\r\\n\\t\\0\\\\\\xfF") == b"a\r\n\t\0\\\xff"

"""What a client sends cannot forge a line of a log."""
import json

import pytest
from harness import TYPE, Wire, cluster, free_port, listener, request, wait_until

FORMAT = '"%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE% "%REQ(USER-AGENT)%" "%REQ(X-EVIL)%"\n'
FIELDS = {"path": "%REQ(:PATH)%", "code": "%RESPONSE_CODE%", "agent": "%REQ(USER-AGENT)%", "evil": "%REQ(X-EVIL)%"}
CONTROLS = [bytes([c]) for c in [*range(0x20), 0x7F] if c != 9]


def file_log(path, log_format):
    return {"name": "file", "typed_config": {
        "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(path),
        "log_format": log_format}}


@pytest.fixture
def scene(start, be, tmp_path):
    port = free_port()
    logs = [file_log(tmp_path / "text.log", {"text_format_source": {"inline_string": FORMAT}}),
            file_log(tmp_path / "json.log", {"json_format": FIELDS})]
    start([listener(port, hcm={"access_log": logs})], [cluster("be", be.port)])

    def lines(count):
        def read():
            return [(tmp_path / name).read_bytes() for name in ("text.log", "json.log")]

        wait_until(lambda: all(text.count(b"\n") >= count for text in read()), 10, f"{count} lines")
        text, as_json = read()
        return text.splitlines(keepends=True), [json.loads(line) for line in as_json.splitlines()]

    return port, lines


def ask(port, data):
    with Wire.connect(port) as wire:
        wire.send(data)
        return wire.read_response().status


def test_control_bytes_reach_no_log(scene):
    port, lines = scene
    for control in CONTROLS:
        head = b"GET /a HTTP/1.1\r\nHost: a\r\nX-Evil: b" + control + b"2026 forged\r\nConnection: close\r\n\r\n"
        assert ask(port, head) == 400, control
        head = b"GET /a" + control + b"forged HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert ask(port, head) in (400, 426), control
    text, as_json = lines(2 * len(CONTROLS))
    assert len(text) == len(as_json) == 2 * len(CONTROLS)
    for line in text:
        assert not any(control in line[:-1] for control in CONTROLS), line
        assert b" 400 " in line or b" 426 " in line


def test_quotes_end_no_field_in_json(scene):
    """The text format prints values as they came, as Envoy's does: a quote in a value is a quote in the line."""
    port, lines = scene
    evil = 'x" 200 "-" \\" \t\xe9'
    with Wire.connect(port) as wire:
        wire.send(request(headers=[("User-Agent", '","code":200,"agent":"'), ("X-Evil", evil)]))
        assert wire.read_response().status == 200
    (text,), (as_json,) = lines(1)
    assert as_json["agent"] == '","code":200,"agent":"'
    assert as_json["evil"].startswith('x" 200 "-" \\" \t')
    assert text.count(b"\n") == 1

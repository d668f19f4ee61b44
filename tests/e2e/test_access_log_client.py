"""Whom a log calls the client: the peer, or what a trusted x-forwarded-for says."""
import re

import pytest
from harness import TYPE, Wire, cluster, free_port, listener, request, wait_until

CLIENT = "%DOWNSTREAM_REMOTE_ADDRESS%|%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%DOWNSTREAM_REMOTE_PORT%"
FORMATS = {"client": CLIENT, "peer": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "none": "%REQ(:PATH)%"}
PEER = r"127\.0\.0\.1:\d+"
PEER_AS_CLIENT = r"(127\.0\.0\.1):(\d+)\|\1\|\2"


def file_log(path, text):
    return {"name": "file", "typed_config": {
        "@type": TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(path),
        "log_format": {"text_format_source": {"inline_string": text + "\n"}}}}


@pytest.mark.parametrize("order", [["none", "peer", "client"], ["client", "none"], ["peer"]], ids="-".join)
@pytest.mark.parametrize(("hcm", "forwarded", "client"), [
    ({}, "198.51.100.1, 203.0.113.7", r"203\.0\.113\.7:0\|203\.0\.113\.7\|0"),
    ({}, "2001:db8::1", r"\[2001:db8::1\]:0\|2001:db8::1\|0"),
    ({}, "nobody", PEER_AS_CLIENT),
    ({"use_remote_address": True}, "203.0.113.7", PEER_AS_CLIENT),
    ({"use_remote_address": True, "xff_num_trusted_hops": 1}, "203.0.113.7", r"203\.0\.113\.7:0\|203\.0\.113\.7\|0"),
])
def test_the_client_is_whom_a_trusted_hop_names(start, be, tmp_path, order, hcm, forwarded, client):
    port = free_port()
    logs = [file_log(tmp_path / name, FORMATS[name]) for name in order]
    start([listener(port, hcm={"access_log": logs, **hcm})], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request(headers=[("x-forwarded-for", forwarded)]))
        assert wire.read_response().status == 200
    for name in order:
        wait_until(lambda path=tmp_path / name: path.read_text().endswith("\n"), 10, f"the line of {name}")
        expected = {"client": client, "peer": PEER, "none": "/"}[name]
        assert re.fullmatch(expected + "\n", (tmp_path / name).read_text())

"""Memory that connections take, and give back. Release builds only; tests/soak/idle_connections has the figures."""
import pytest
from harness import Wire, cluster, free_port, listener, request, wait_until

CONNECTIONS = 4000
LEFT_KIB = 1024

pytestmark = pytest.mark.release


def test_idle_connections_do_not_keep_the_buffers_of_large_heads(start, be, figures):
    """Each kept room for the largest head that it had ever carried: 100 KiB and more for as long as it was open."""
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    before = proxy.rss_kib()
    data = request(headers=[("cookie", "c" * 50_000)])
    wires = [Wire.connect(port) for _ in range(300)]
    try:
        for wire in wires:
            wire.send(data)
            wire.read_response()
        wait_until(lambda: proxy.rss_kib() < before + 4 * LEFT_KIB, 20, "the buffers are given back")
        for wire in wires:
            wire.send(data)
            assert wire.read_response().status == 200
    finally:
        for wire in wires:
            wire.close()


def test_memory_of_a_connection_flood_is_given_back(start, be, figures):
    """It stayed for ever: a few recycled sessions kept the heap from shrinking."""
    port = free_port()
    proxy = start([listener(port)], [cluster("be", be.port)])
    with Wire.connect(port) as wire:
        wire.send(request())
        wire.read_response()
    before = proxy.rss_kib()
    wires = [Wire.connect(port) for _ in range(CONNECTIONS)]
    try:
        wait_until(lambda: proxy.stat("http.ingress_http.downstream_cx_active") == CONNECTIONS, 20, "all accepted")
        assert proxy.rss_kib() > before + LEFT_KIB
    finally:
        for wire in wires:
            wire.close()
    wait_until(lambda: proxy.rss_kib() < before + LEFT_KIB, 20, "the memory is given back")

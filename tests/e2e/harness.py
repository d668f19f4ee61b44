"""What the end-to-end and differential tests share, in one import: wire, scripted upstream, processes, masks."""
import re
import socket

from proxy import *  # noqa: F401,F403
from upstream import *  # noqa: F401,F403
from wire import *  # noqa: F401,F403

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\Z")


def own_addresses():
    """Addresses of this machine that Envoy may write in place of a loopback client's."""
    found = {"127.0.0.1"}
    try:
        found.update(info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET))
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # Sends nothing: only asks the routing table for our address.
            found.add(sock.getsockname()[0])
        except OSError:
            pass
    return found


_OWN = own_addresses()


def mask_value(name, value):
    """Replace what differs from run to run (times, ids, this machine's address) by a fixed word."""
    name = name.lower()
    if name == "date" and _DATE.match(value):
        return "<date>"
    if name == "x-envoy-upstream-service-time" and value.isdigit():
        return "<ms>"
    if name == "x-request-id":
        return _UUID4.sub("<uuid4>", value)
    if name == "x-forwarded-for":
        head, comma, last = value.rpartition(",")
        return head + comma + ("<peer>" if last.strip() in _OWN else last)
    return value


def mask_headers(headers):
    return [[name, mask_value(name, value)] for name, value in headers]

"""All differential cases, by subject."""
from . import (
    basic, breakers, dispatching, drain, errors, forwarding, hosts, logs, mutations, old_clients, repeated, timeouts, trailers,
    uploads, upstreams
)

CASES = [
    case
    for module in (
        basic, errors, hosts, old_clients, forwarding, repeated, mutations, upstreams, uploads, trailers, timeouts,
        breakers, dispatching, logs, drain
    )
    for case in module.CASES
]

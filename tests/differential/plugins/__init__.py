"""All plugin scenarios, by subject."""
from . import (bodies, calls, chains, configs, early, failures, foreign, headers, languages, lifecycle, network, pauses,
               properties, replies, state)

SCENARIOS = [
    scenario
    for module in (
        headers, bodies, replies, calls, pauses, state, lifecycle, chains, configs, failures, languages, network,
        properties, foreign, early
    )
    for scenario in module.SCENARIOS
]

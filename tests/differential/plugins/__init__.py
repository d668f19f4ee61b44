"""All plugin scenarios, by subject."""
from . import bodies, calls, chains, configs, failures, headers, languages, lifecycle, network, pauses, replies, state

SCENARIOS = [
    scenario
    for module in (
        headers, bodies, replies, calls, pauses, state, lifecycle, chains, configs, failures, languages, network
    )
    for scenario in module.SCENARIOS
]

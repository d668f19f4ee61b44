"""Plugins of ours in Go and Rust, where their toolchains have built them (tests/plugins/build)."""
SCENARIOS = []

"""Hosts with OSC of their own: what they say in our words, and our state in theirs. All that is
particular to a host is data, `daw_presets/<host>/dialect.toml`; see `docs/dialects.md`."""

"""Where an engine runs: a process of its own (`client`) or the caller's thread (`inline`).

Both put the same `runner` on one side of the same `ring`s, so what a stream plays does not
depend on which of them is used.
"""

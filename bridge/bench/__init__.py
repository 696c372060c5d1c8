"""`sideman bench bridge`: what the bridge and its embedded engine do on this machine.

One module for each theme; each has functions `(plan, tell) -> list[Figure]`. `suite` runs them all.
"""

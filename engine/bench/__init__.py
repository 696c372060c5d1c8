"""`sideman bench engine`: what the model engine does on this machine, beside transformers' own.

`suite` all contenders in turn  | `job`, `child` one of them, in a process of its own
`ours`, `theirs` what is timed  | `plan` how much of it, `memory`, `others` who took what
`limit` what memory allows      | `report`, `plot` the figures, for people and for programs

Only `ours`, `theirs` and `limit` import torch, and only in a child.
"""

"""What makes a good prompt for a model, in one line: for the terminal and for the console.

MusicGen was trained on short descriptions: styles, instruments, moods. It follows them best, and
takes ever less notice of each word the more of them there are.
"""

from __future__ import annotations

import re

HINT = (
    "5 to 12 words, commas between styles, instruments by name:"
    " 'lofi hip hop, dusty drums, warm electric piano'"
)
FEWEST, MOST, TOO_MANY = 5, 12, 15
"""Words: below the first there is little to go by, beyond the last each is hardly heard."""

_WORD = re.compile(r"\w[\w'&#/-]*")
_LONGEST_CLAUSE = 8
"""Words without a comma; more read as a sentence, which a model was not trained on."""
_INSTRUMENTS = frozenset(
    "drums drum kick snare hat hats hi-hat percussion shaker congas bass 808 guitar guitars piano"
    " keys rhodes organ synth synths pad pads arp lead strings violin cello orchestra choir vocals"
    " brass trumpet sax saxophone flute clarinet harp bells marimba vibraphone accordion banjo"
    " harmonica sitar".split()
)


def wrong_with(prompt: str) -> str:
    """One line about what a model may make little of, with the remedy; empty if it is well."""
    words = [word.lower() for word in _WORD.findall(prompt)]
    clauses = re.split(r"[,.;:]", prompt)
    if not words:
        return f"an empty prompt leaves everything to the model; {HINT}"
    if len(words) > TOO_MANY:
        return (
            f"{len(words)} words, over {TOO_MANY} each is hardly heard: keep the {MOST} that count"
        )
    if len(words) < FEWEST:
        return f"{len(words)} of {FEWEST} words at least: name a style and instruments ({HINT})"
    if max(len(_WORD.findall(clause)) for clause in clauses) > _LONGEST_CLAUSE:
        return "one long phrase: put commas between styles, instruments and moods"
    if _INSTRUMENTS.isdisjoint(words):
        return "no instrument is named: say which, such as drums, bass or electric piano"
    return ""

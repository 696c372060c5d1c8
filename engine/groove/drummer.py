"""The drummer: groove, fills, crashes and ghost notes of one bar."""

from __future__ import annotations

from engine.groove.arrange import Band
from engine.groove.chance import draw, never_twice, pick
from engine.groove.lines import ACCENTS, Bar, free_steps, meter
from engine.groove.notes import Note

_BACKBEAT_VOICES = frozenset(("snare", "clap", "rim", "tom_hi", "tom_mid", "tom_lo"))


def play_drums(bar: Bar, band: Band) -> list[Note]:
    """Groove, fill, crash and ghosts of one bar."""
    style = band.style
    fill = _fill(bar, band)
    fill_from = bar.steps - 8 if fill else bar.steps
    out: list[Note] = []
    for voice in style.grooves:
        if band.hits(voice) and _enters(bar, band, voice):
            cleared = bool(fill) and (voice in fill or voice in _BACKBEAT_VOICES)
            out += _voice(bar, band, voice, fill_from if cleared else bar.steps)
    for voice, pattern in fill.items():
        out += [
            _hit(bar, band, voice, fill_from + step, ACCENTS[letter])
            for step, letter in enumerate(pattern)
            if letter != "." and band.hits(voice)
        ]
    crashes = style.crash and band.hits("crash") and bar.number % 8 == 0 and bar.number != 0
    if crashes and draw(bar.seed, "crash", bar.number) < 0.75:
        out.append(_hit(bar, band, "crash", 0, 0.7))
    return out + _ghosts(bar, band)


def _fill(bar: Bar, band: Band) -> dict[str, str]:
    """The fill that ends a phrase, or none."""
    if bar.steps < 12 or bar.number % 4 != 3:
        return {}
    chance = 0.95 if bar.number % 8 == 7 else 0.15 + 0.5 * bar.adventure + 0.2 * bar.energy
    if draw(bar.seed, "fill", bar.number) >= chance:
        return {}
    return pick(band.style.fills[: max(1, bar.pool)], bar.seed, "which fill", bar.number)


def _enters(bar: Bar, band: Band, voice: str) -> bool:
    """Optional voices come and go by phrases; a soloed one and a lone drummer's shaker stay."""
    if voice not in band.style.optional or band.pieces is not None:
        return True
    if voice == "shaker" and not band.parts:
        return True
    chance = 0.6 + 0.3 * bar.energy - 0.6 * bar.sparse + 0.15 * (bar.number // 4 % 4)
    return draw(bar.seed, voice, bar.number // 4) < chance


def _voice(bar: Bar, band: Band, voice: str, until: int) -> list[Note]:
    patterns = band.style.grooves[voice][: max(1, bar.pool)]
    phrase = bar.number // 2 if voice in ("hat", "ride") else bar.number // 4
    choice = 0
    if draw(bar.seed, "groove", phrase, len(voice)) < 0.35 + 0.65 * bar.adventure:
        choice = int(draw(bar.seed, "groove " + voice, phrase) * len(patterns))
    pattern = meter(patterns[choice], bar.steps)[:until]
    leaves = 0.12 + 0.5 * bar.sparse if band.parts else 0.0  # alone there is no rest to spare
    out = []
    for step, letter in enumerate(pattern):
        if letter == ".":
            continue
        soft = letter in "o-"
        if soft and draw(bar.seed, "leave " + voice, bar.number, step) < leaves:
            continue
        out.append(_hit(bar, band, voice, step, ACCENTS[letter]))
    return out


def _ghosts(bar: Bar, band: Band) -> list[Note]:
    """Two soft hits in places that 64 bars do not repeat."""
    steps = free_steps(bar.steps)
    places = never_twice(bar.seed, "ghosts", bar.number)
    voices = [v if band.hits(v) else None for v in band.style.ghosts]
    if band.pieces is not None:  # a solo of one piece varies with that piece
        voices = [sorted(band.pieces)[0]] * 2
    return [
        _hit(bar, band, voice, steps[slot], 0.3 + 0.04 * i)._replace(ghost=True)
        for i, (voice, slot) in enumerate(zip(voices, places, strict=True))
        if voice
    ]


def _hit(bar: Bar, band: Band, voice: str, step: int, accent: float) -> Note:
    lift = 0.05 * bar.energy
    velocity = min(1.0, max(0.05, accent * bar.touch(voice, step) + lift))
    sound = f"{band.style.kit}:{voice}"
    return Note("drums", sound, 0, bar.place(step), 0.0, velocity, band.style.drums_db, 0)

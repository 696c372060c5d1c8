"""Who plays: a reading and a style give the parts of a layer and the pieces of its drum kit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.groove.catalogue_played import STYLES
from engine.groove.prompt import Reading
from engine.groove.styles import Part, Style

DEFAULT_PARTS: dict[str, Part] = {
    "bass": Part("bass", "bass_finger", ("R---..R-5---R---", "R-----5-R-----a-"), 38, 0.0),
    "chords": Part("chords", "piano", ("x-----x-..x-x---", "x---x---x---x---"), 62, -2.0),
    "pad": Part("pad", "strings", center=64, level_db=-5.0),
    "arp": Part("arp", "pluck", ("0.2.1.3.2.1.2.3.", "0.1.2.3.4.3.2.1."), 70, -5.0, 1),
    "lead": Part("lead", "lead_soft", ("x---x-x-x---....", "x-x-x---..x-x---"), 74, -4.0),
    "texture": Part("texture", "crackle", level_db=-3.0),
}
_PIECES = {
    "hat": ("hat", "open"),
    "tom": ("tom_hi", "tom_mid", "tom_lo"),
    "conga": ("conga_hi", "conga_lo"),
    "clap": ("clap",),
    "snare": ("snare", "rim"),
    "crash": ("crash", "ride"),
}
MAX_PARTS = 7
_SOLO_DB = {"bass": 3.0, "chords": -3.0, "pad": -0.5, "arp": 3.5, "lead": 3.5, "texture": 0.0}
"""Level of a role when nobody else plays, so that a solo does not sink."""
_SOFT_SOLO_DB = {"guitar_mute": 3.0}
"""What sounds that are soft alone get on top."""


@dataclass(frozen=True, slots=True)
class Band:
    """The players of one layer. `pieces` is None for the whole kit."""

    style: Style
    parts: tuple[Part, ...]
    drums: bool
    pieces: frozenset[str] | None
    muted: frozenset[str]

    def hits(self, voice: str) -> bool:
        """Whether the drummer may touch this voice."""
        return (self.pieces is None or voice in self.pieces) and voice not in self.muted


def make_band(reading: Reading) -> Band:
    """The style's players, with the prompt's instrument words obeyed."""
    style = STYLES[reading.style]
    wants = [role for role, _ in reading.added + reading.only]
    if "drums" in wants and not has_groove(style):
        drummer = STYLES["hiphop"]
        style = replace(
            style,
            kit=drummer.kit,
            grooves=drummer.grooves,
            ghosts=drummer.ghosts,
            fills=drummer.fills,
        )
    parts = _wanted(style, reading)
    kept = tuple(part for part in parts if not _unwanted(part, reading.without))
    drums = has_groove(style) and ("drums", "") not in reading.without
    if reading.only:
        drums = drums and "drums" in [role for role, _ in reading.only]
    if not drums and len({part.role for part in kept}) == 1:
        style, kept = _solo(style, kept)
    if not kept and not drums:
        kept = (DEFAULT_PARTS["pad"],)
    return Band(style, kept[:MAX_PARTS], drums, _solo_pieces(reading), _pieces(reading.without))


def has_groove(style: Style) -> bool:
    """Whether the style has a drummer at all."""
    return any(any(p.strip(".") for p in patterns) for patterns in style.grooves.values())


def _wanted(style: Style, reading: Reading) -> tuple[Part, ...]:
    if reading.only:
        found = [_named(style, role, sound) for role, sound in reading.only if role != "drums"]
        return tuple(part for group in found for part in group)
    parts = list(style.parts)
    for role, sound in reading.added:
        if role != "drums":
            _add(parts, style, role, sound)
    return tuple(parts)


def _named(style: Style, role: str, sound: str) -> list[Part]:
    """The parts that a solo word means, always playing."""
    of_role = [part for part in style.parts if part.role == role]
    if sound:
        match = [part for part in style.parts if family(part.sound) == family(sound)]
        base = (match or of_role or [DEFAULT_PARTS[role]])[0]
        of_role = [base if match else replace(base, sound=sound)]
    chosen = of_role[:2] or [DEFAULT_PARTS[role]]
    return [replace(part, density=1.0, level_db=max(part.level_db, -2.0)) for part in chosen]


def _solo(style: Style, parts: tuple[Part, ...]) -> tuple[Style, tuple[Part, ...]]:
    """One role alone, as loud as the band that it stands for."""
    loudest = max(part.level_db for part in parts)
    lifts = [_SOLO_DB[p.role] + _SOFT_SOLO_DB.get(p.sound, 0.0) - loudest for p in parts]
    louder = [replace(p, level_db=p.level_db + lift) for p, lift in zip(parts, lifts, strict=True)]
    return replace(style, level_db=max(style.level_db, 0.0)), tuple(louder)


def _add(parts: list[Part], style: Style, role: str, sound: str) -> None:
    """Put a named instrument among the parts, always playing and easy to hear."""
    new = _named(style, role, sound)[0]
    for i, part in enumerate(parts):
        if part.sound == new.sound or (role == "bass" and part.role == "bass"):
            parts[i] = replace(new, pan=part.pan)
            return
    parts.append(new)


def family(sound: str) -> str:
    """`guitar` of `guitar_mute`; the basses are one family each."""
    return sound if sound.startswith("bass") else sound.split("_")[0]


def _unwanted(part: Part, without: tuple[tuple[str, str], ...]) -> bool:
    return any(
        (part.role == role and not sound) or (sound and family(part.sound) == family(sound))
        for role, sound in without
    )


def _pieces(pairs: tuple[tuple[str, str], ...]) -> frozenset[str]:
    named = [piece for role, piece in pairs if role == "drums" and piece]
    return frozenset(voice for piece in named for voice in _PIECES.get(piece, (piece,)))


def _solo_pieces(reading: Reading) -> frozenset[str] | None:
    if ("drums", "") in reading.only:
        return None
    return _pieces(reading.only) or None

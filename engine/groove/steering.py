"""What a steering does to the segment before it: who goes on, who dies away, who comes in."""

from __future__ import annotations

from dataclasses import replace

from engine.api import Steering, Timing, WeightedPrompt
from engine.groove.arrange import make_band
from engine.groove.bank import SoundBank
from engine.groove.harmony import Harmony
from engine.groove.prompt import read
from engine.groove.score import HarmonyPlan, Layer, Manner, harmony_of
from engine.groove.segment import FADE_OUT_S, Glide, Segment, Track, Voice
from engine.groove.tempo import Tempo, make_tempo

SMALLEST_SHARE = 0.03
RELOCATION_BEATS = 0.25
"""A jump of the beat by more than this is another place in the music; less is a correction."""
BLEND_S = 0.005
"""Time in which the share of a prompt that stays moves to its new value."""

Mix = tuple[tuple[str, float], ...]


def mix_of(prompts: tuple[WeightedPrompt, ...]) -> Mix:
    """Texts and shares, the heaviest first; shares sum to 1, the faintest are left out."""
    shares: dict[str, float] = {}
    for prompt in prompts:
        if prompt.weight > 0:
            shares[prompt.text] = shares.get(prompt.text, 0.0) + prompt.weight
    total = sum(shares.values())
    if not 0 < total < float("inf"):
        shares, total = {prompts[0].text if prompts else "": 1.0}, 1.0
    kept = {text: w / total for text, w in shares.items() if w / total >= SMALLEST_SHARE}
    total = sum(kept.values()) or 1.0
    return tuple(sorted(((t, w / total) for t, w in kept.items()), key=lambda pair: -pair[1]))


def mix_harmony(mix: Mix, seed: int, words: str = "") -> Harmony:
    """The heaviest prompt's harmony, in the key that any prompt names, else in that of `words`."""
    harmony = harmony_of(mix[0][0], seed)
    for text, _ in mix:
        reading = read(text)
        if reading.tonic is not None:
            named = harmony_of(text, seed)
            return named if reading.mode else replace(harmony, tonic=reading.tonic)
    key = key_in(words)
    return harmony_of(f"{key}, {mix[0][0]}", seed) if key else harmony


def key_in(words: str) -> str:
    """The part of `Steering.words` that names a key; of the tempo it is told in another way."""
    return next((part for part in words.split(", ") if read(part).tonic is not None), "")


def begin(start: int, steering: Steering, rate: int, bank: SoundBank, serial: int) -> Segment:
    """The first segment of a stream."""
    mix = mix_of(steering.prompts)
    tempo = _tempo(None, start, steering, mix, rate)
    harmony = mix_harmony(mix, steering.seed, steering.words)
    plan = HarmonyPlan(harmony, harmony, 0)
    tracks = _new_tracks(mix, _manner(steering), plan, tempo, start, serial)
    return Segment(start, steering, tempo, tracks, (), bank)


def follow(base: Segment, start: int, steering: Steering, bank: SoundBank, serial: int) -> Segment:
    """The segment that begins at `start`, where `base` was sounding."""
    mix = mix_of(steering.prompts)
    tempo = _tempo(base, start, steering, mix, base.tempo.rate)
    jump = abs(tempo.beat_of(start) - base.tempo.beat_of(start)) > RELOCATION_BEATS
    if jump or steering.seed != base.steering.seed:
        harmony = mix_harmony(mix, steering.seed, steering.words)
        plan = HarmonyPlan(harmony, harmony, 0)
        tracks = _new_tracks(mix, _manner(steering), plan, tempo, start, serial)
    elif mix == mix_of(base.steering.prompts) and _same_key(steering, base.steering):
        tracks = tuple(_go_on(base, track, start, steering) for track in _alive(base, start))
    else:
        tracks = _blend(base, start, steering, mix, tempo, serial)
    carried = _carry(base, start, tempo, tracks)
    return Segment(start, steering, tempo, tracks, carried, bank)


def _same_key(a: Steering, b: Steering) -> bool:
    return a.words == b.words or key_in(a.words) == key_in(b.words)


def _manner(steering: Steering) -> Manner:
    return Manner(steering.seed, steering.temperature, steering.top_k, steering.guidance)


def _tempo(base: Segment | None, start: int, steering: Steering, mix: Mix, rate: int) -> Tempo:
    """The asked timing; without one the prompt's tempo, from wherever the beat is."""
    if steering.timing is not None:
        return make_tempo(steering.timing, rate)
    reading = read(mix[0][0])
    bpm = reading.bpm or make_band(reading).style.tempo_bpm
    if base is None:
        return Tempo(Timing(float(start), 0.0, bpm), rate)
    before = base.tempo.timing
    if before.bpm == bpm:
        return base.tempo
    beat = base.tempo.beat_of(start)
    return Tempo(
        Timing(float(start), beat, bpm, before.beats_per_bar, before.bar_beat, before.bar), rate
    )


def _new_tracks(
    mix: Mix, manner: Manner, plan: HarmonyPlan, tempo: Tempo, start: int, serial: int
) -> tuple[Track, ...]:
    floor = tempo.beat_of(start - 0.5)
    return tuple(
        Track(serial + i, Layer(text, manner, plan), Glide(start, 0, share, share), floor, True)
        for i, (text, share) in enumerate(mix)
    )


def _alive(base: Segment, start: int) -> list[Track]:
    return [t for t in base.tracks if t.glide.last > 0 or not t.glide.over(start)]


def _floor(base: Segment, track: Track, start: int) -> float:
    """The beat up to which a track has been played when `start` is reached."""
    return max(track.floor, base.tempo.beat_of(start - 0.5))


def _go_on(base: Segment, track: Track, start: int, steering: Steering) -> Track:
    """The same track under another timing or manner."""
    layer = _layer(track.layer, _manner(steering), track.layer.plan)
    return track._replace(layer=layer, floor=_floor(base, track, start), enters=False)


def _layer(old: Layer, manner: Manner, plan: HarmonyPlan) -> Layer:
    if old.manner == manner and old.plan == plan:
        return old
    return Layer(old.text, manner, plan)


def _blend(
    base: Segment, start: int, steering: Steering, mix: Mix, tempo: Tempo, serial: int
) -> tuple[Track, ...]:
    """Another blend: at once, or by a morph in which everything glides."""
    morph = max(0, steering.morph_frames)
    length = morph or int(BLEND_S * tempo.rate)
    manner = _manner(steering)
    plan = _plan(
        base, start, mix_harmony(mix, steering.seed, steering.words), tempo, morph, steering.seed
    )
    wanted = dict(mix)
    tracks = []
    for track in _alive(base, start):
        share = wanted.pop(track.layer.text, 0.0)
        if share or morph:
            glide = Glide(start, length, track.glide.at(start), share)
            layer = _layer(track.layer, manner, plan)
            tracks.append(Track(track.ident, layer, glide, _floor(base, track, start), False))
    floor = tempo.beat_of(start - 0.5)
    for i, (text, share) in enumerate(wanted.items()):
        glide = Glide(start, morph, 0.0, share) if morph else Glide(start, 0, share, share)
        tracks.append(Track(serial + i, Layer(text, manner, plan), glide, floor, True))
    return tuple(tracks)


def _plan(
    base: Segment, start: int, after: Harmony, tempo: Tempo, morph: int, seed: int
) -> HarmonyPlan:
    """The new harmony at once, or in a morph from the bar after its middle."""
    if not morph or not base.tracks:
        return HarmonyPlan(after, after, 0)
    here = tempo.bar_of(tempo.beat_of(start))
    before = base.tracks[0].layer.plan.at(here)
    switch = tempo.bar_of(tempo.beat_of(start + morph // 2)) + 1
    return HarmonyPlan(before, after, switch)


def _carry(base: Segment, start: int, tempo: Tempo, tracks: tuple[Track, ...]) -> tuple[Voice, ...]:
    """What sounds when `base` ends: it rings on, or dies away if its track has ended."""
    going = {track.ident: track for track in tracks}
    fade = int(FADE_OUT_S * tempo.rate)
    out = []
    for voice in base.sounding(start - 1, start):
        if voice.dying >= 0:
            if voice.dying + fade > start:
                out.append(voice)
        elif voice.track in going:
            if voice.beat < going[voice.track].floor:
                out.append(_stretch(voice, start, base.tempo, tempo))
        elif (old := base.track(voice.track)) is not None:
            share = old.glide.at(start)
            gain = voice.gain * (share if voice.shared else share**0.5)
            out.append(replace(voice, gain=gain, dying=start, end=min(voice.end, start + fade)))
    return tuple(out)


def _stretch(voice: Voice, start: int, old: Tempo, new: Tempo) -> Voice:
    """A held voice keeps the beats it still has to last, at the new tempo."""
    if voice.off <= start or old.beat_samples == new.beat_samples:
        return voice
    off = start + round((voice.off - start) * (new.beat_samples / old.beat_samples))
    return replace(voice, off=off, end=voice.end - voice.off + off)

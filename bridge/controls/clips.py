"""`/clip/...` and `/record`."""

from __future__ import annotations

from functools import partial

from bridge.addresses import Value
from bridge.clips.folder import ClipItem
from bridge.clips.request import ClipRequest
from bridge.controls.call import Call, Handlers, Services, whole
from bridge.decks.recall import master_bars
from bridge.session import Session
from engine.api import WeightedPrompt


def handlers(session: Session, services: Services) -> Handlers:
    return {
        "/clip/render": lambda c: _render(c, session, services),
        "/clip/batch": lambda c: _batch(c, session, services),
        "/clip/cancel": lambda c: services.clips.cancel(c.first()),
        "/clip/list": lambda c: services.clips.list(partial(_tell_list, c)),
        "/master/capture": lambda c: _capture(c, session, services),
        "/record": lambda c: _record(c, services),
    }


def _render(call: Call, session: Session, services: Services) -> None:
    prompt, bars, seed = (*call.values, -1)[:3]
    services.clips.submit([_clip(session, prompt, bars, whole(seed))], call.client)


def _batch(call: Call, session: Session, services: Services) -> None:
    bars, *prompts = call.values
    requests = [_clip(session, prompt, bars, -1) for prompt in prompts]
    services.clips.submit(requests, call.client)


def _clip(session: Session, prompt: Value, bars: Value, seed: int) -> ClipRequest:
    """At the transport's tempo and metre; -1 draws the seed."""
    transport = session.transport
    return ClipRequest(
        prompts=(WeightedPrompt(str(prompt)),),
        bars=whole(bars),
        bpm=transport.bpm,
        numerator=transport.meter.numerator,
        denominator=transport.meter.denominator,
        seed=session.draw_seed() if seed == -1 else seed,
        words=session.words.at(transport.bpm),
    )


def _tell_list(call: Call, items: list[ClipItem]) -> None:
    for item in items:
        call.answer("/clip/item", item.file, item.seconds, item.bpm, item.bars)
    call.answer("/clip/list/end", len(items))


def _capture(call: Call, session: Session, services: Services) -> None:
    services.clips.capture(master_bars(session, call.first()), call.client)


def _record(call: Call, services: Services) -> None:
    recording = services.recording
    wanted = bool(call.first(not recording.running))
    if wanted and not recording.running:
        recording.start(call.client)
    elif not wanted and recording.running:
        recording.stop()

"""`/clip/...` and `/record`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bridge.clips.audition import Sound
from bridge.clips.folder import ClipItem
from bridge.clips.keeping import Change, Shelf
from bridge.clips.request import ClipRequest
from bridge.controls.call import Call, Handler, Handlers, Later, Services, whole
from bridge.decks.recall import master_bars
from bridge.decks.settings import draw_seed
from bridge.row import Value
from bridge.session import Session
from engine.api import WeightedPrompt
from engine.errors import SidemanError


def handlers(session: Session, services: Services, later: Later) -> Handlers:
    audition = session.audition
    return {
        "/clip/render": lambda c: _render(c, session, services),
        "/clip/batch": lambda c: _batch(c, session, services),
        "/clip/variations": lambda c: _vary(c, session, services),
        "/clip/cancel": lambda c: services.clips.cancel(c.first()),
        "/clip/list": lambda c: services.clips.list(partial(_tell_list, c)),
        "/clip/star": _keeping(session, services, later, lambda s, file, on=None: s.star(file, on)),
        "/clip/rename": _keeping(session, services, later, Shelf.rename),
        "/clip/delete": _keeping(session, services, later, Shelf.delete),
        "/clip/restore": _keeping(session, services, later, Shelf.restore),
        "/clip/audition": lambda c: _audition(c, session, services, later),
        "/clip/audition/stop": lambda c: audition.stop(),
        "/clip/audition/state": lambda c: c.answer(c.address, *audition.state),
        "/audition/gain": lambda c: audition.set_gain(c.first()),
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


def _vary(call: Call, session: Session, services: Services) -> None:
    prompt, bars, count = call.values
    requests = [_clip(session, prompt, bars, -1) for _ in range(whole(count))]
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
        seed=draw_seed() if seed == -1 else seed,
        words=session.words.at(transport.bpm),
    )


def _tell_list(call: Call, items: list[ClipItem]) -> None:
    for item in items:
        call.answer("/clip/item", item.file, item.seconds, item.bpm, item.bars)
    call.answer("/clip/list/end", len(items))


def _keeping(
    session: Session, services: Services, later: Later, change: Callable[..., Change]
) -> Handler:
    """`change(shelf, *values)` on the clips' thread; `/sync` waits for it."""

    def done(call: Call, error: SidemanError | None) -> None:
        session.reading -= 1
        if error is not None:
            call.answer("/error", call.address, str(error))

    def keep(call: Call) -> None:
        services.clips.keep(
            lambda shelf: change(shelf, *call.values),
            call.client,
            lambda error: later(lambda: done(call, error)),
        )
        session.reading += 1  # not if too many wait already, which raises

    return keep


def _audition(call: Call, session: Session, services: Services, later: Later) -> None:
    file, grid = (*call.values, None)[:2]
    audition = session.audition

    def begin(asked: int, got: Sound | SidemanError) -> None:
        session.reading -= 1
        if isinstance(got, SidemanError):
            audition.fail(asked)
            call.answer("/error", call.address, str(got))
        else:
            audition.begin(asked, got, str(grid or session.grid), session.transport)

    asked = audition.expect(str(file))
    try:
        services.clips.sound(str(file), lambda got: later(lambda: begin(asked, got)))
    except SidemanError:
        audition.fail(asked)
        raise
    session.reading += 1


def _capture(call: Call, session: Session, services: Services) -> None:
    services.clips.capture(master_bars(session, call.first()), call.client)


def _record(call: Call, services: Services) -> None:
    recording = services.recording
    wanted = bool(call.first(not recording.running))
    if wanted and not recording.running:
        recording.start(call.client)
    elif not wanted and recording.running:
        recording.stop()

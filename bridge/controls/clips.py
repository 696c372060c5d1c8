"""`/clip/...` and `/record`."""

from __future__ import annotations

from bridge.addresses import Value
from bridge.clips.folder import ClipItem
from bridge.clips.request import ClipRequest
from bridge.controls.call import Call, Handlers, Services, whole
from bridge.session import Session
from engine.api import WeightedPrompt


def handlers(session: Session, services: Services) -> Handlers:
    def clip(prompt: Value, bars: Value, seed: int) -> ClipRequest:
        transport = session.transport
        return ClipRequest(
            prompts=(WeightedPrompt(str(prompt)),),
            bars=whole(bars),
            bpm=transport.bpm,
            numerator=transport.meter.numerator,
            denominator=transport.meter.denominator,
            seed=session.draw_seed() if seed == -1 else seed,
        )

    def render(call: Call) -> None:
        prompt, bars, seed = (*call.values, -1)[:3]
        services.clips.submit([clip(prompt, bars, whole(seed))], call.client)

    def batch(call: Call) -> None:
        bars, *prompts = call.values
        services.clips.submit([clip(prompt, bars, -1) for prompt in prompts], call.client)

    def show(call: Call) -> None:
        def tell(items: list[ClipItem]) -> None:
            for item in items:
                call.answer("/clip/item", item.file, item.seconds, item.bpm, item.bars)
            call.answer("/clip/list/end", len(items))

        services.clips.list(tell)

    def record(call: Call) -> None:
        recording = services.recording
        wanted = bool(call.first(not recording.running))
        if wanted and not recording.running:
            recording.start(call.client)
        elif not wanted and recording.running:
            recording.stop()

    return {
        "/clip/render": render,
        "/clip/batch": batch,
        "/clip/cancel": lambda c: services.clips.cancel(c.first()),
        "/clip/list": show,
        "/record": record,
    }

"""`/output`, `/engine`, `/model/...`, `/setting/...` and what was learnt over MIDI: what is set up.

Lists are found on threads of their own, and answered from there.
"""

from __future__ import annotations

from bridge.controls.call import Call, Handlers, Items, Services
from bridge.osc.feedback import Feedback
from bridge.state import State
from engine.errors import SidemanError


def handlers(services: Services, state: State, feedback: Feedback) -> Handlers:
    setup = services.setup

    def known(call: Call) -> None:
        call.answer(call.address, *(state.get(call.address) or ()))

    def forget(call: Call) -> None:
        services.midi.forget(call.first())
        feedback.event("/midi/forgotten", call.first())

    return {
        "/output": lambda c: setup.choose_output(c.first(), lambda error: _fail(c, error)),
        "/output/state": known,
        "/output/list": lambda c: setup.outputs(lambda found: _tell(c, "/output/item", found)),
        "/engine": lambda c: c.answer("/engine", *setup.engine()),
        "/model/list": lambda c: setup.models(lambda found: _tell(c, "/model/item", found)),
        "/model/download": lambda c: setup.download(c.first(), c.client),
        "/model/cancel": lambda c: setup.cancel(c.first()),
        "/clip/folder": lambda c: setup.folder(lambda found: _tell_one(c, found)),
        "/setting/list": lambda c: setup.settings(lambda found: _tell(c, "/setting/item", found)),
        "/midi/inputs": known,
        "/midi/learn": lambda c: services.midi.learn(c.first()),
        "/midi/forget": forget,
        "/midi/learnt/list": lambda c: _tell(c, "/midi/learnt/item", services.midi.learnt()),
    }


def _tell(call: Call, address: str, found: Items | SidemanError) -> None:
    """Each of what was found, and how many there were."""
    if isinstance(found, SidemanError):
        _fail(call, found)
        return
    for values in found:
        call.answer(address, *values)
    call.answer(f"{call.address}/end", len(found))


def _tell_one(call: Call, found: Items | SidemanError) -> None:
    if isinstance(found, SidemanError):
        _fail(call, found)
    else:
        call.answer(call.address, *found[0])


def _fail(call: Call, error: SidemanError) -> None:
    call.answer("/error", call.address, str(error))

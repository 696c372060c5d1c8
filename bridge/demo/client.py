"""The demo's other half: a client that knows the server by its OSC port only, as a DAW does.

Run as `python -m bridge.demo.client HOST PORT`. It follows `/beat/str`, sends each cue on its
beat, and prints every message that matters as a line of JSON (`bridge.demo.events`). It ends when
the story is told and the server has delivered the files.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from bridge.demo.events import Event
from bridge.demo.story import CUES, LOOPS, OPENING, START, Cue
from bridge.osc.sender import NoServer, Sender
from bridge.row import Value
from bridge.time.clock import monotonic_s
from engine.errors import SidemanError

PATIENCE_S = 90.0
"""For the whole story, which takes 32 s, and the files."""
_TOLD = frozenset(("/beat/str", "/clip/done", "/clip/failed", "/record/done", "/error", "/late"))


class Player:
    """Tells the story to one server."""

    def __init__(self, sender: Sender, cues: Sequence[Cue] = CUES) -> None:
        self._sender = sender
        self._left = list(cues)
        self._place = ""
        self._recorded = False
        self._clips = 0

    @property
    def finished(self) -> bool:
        return not self._left and self._recorded and self._clips == len(LOOPS)

    def run(self) -> None:
        """From the first message to the last file. Raises NoServer if it does not end."""
        self._sender.send("/subscribe")
        self._send(OPENING)
        self._sender.ask("/sync", 1, answer="/synced")
        self._send((START,))
        for address, args in self._sender.replies(PATIENCE_S):
            self.hear(address, args)
            if self.finished:
                break
        self._sender.send("/unsubscribe")
        if not self.finished:
            raise NoServer(f"the server was not done after {PATIENCE_S:g} s")

    def hear(self, address: str, args: tuple[Value, ...]) -> None:
        """One message from the server: pass on what matters, and send what is due by now."""
        if address not in _TOLD:
            return
        at_s = monotonic_s()
        if address == "/beat/str":
            self._place = str(args[0])
            self._send(self._take_due())
        self._recorded |= address == "/record/done"
        self._clips += address in ("/clip/done", "/clip/failed")
        _tell(Event("heard", at_s, self._place, address, args))

    def _take_due(self) -> list[Cue]:
        bar, beat = map(int, self._place.split("."))
        due = [cue for cue in self._left if cue.place <= (bar, beat)]
        self._left = [cue for cue in self._left if cue.place > (bar, beat)]
        return due

    def _send(self, cues: Iterable[Cue]) -> None:
        sent = []
        for cue in cues:
            at_s = monotonic_s()
            self._sender.send(cue.address, *cue.args)
            sent.append(
                Event("sent", at_s, self._place, cue.address, cue.args, cue.says, cue.effect)
            )
        for event in sent:
            _tell(event)


def _tell(event: Event) -> None:
    print(event.line(), flush=True)


def main(words: Sequence[str]) -> int:
    host, port = words
    try:
        with Sender(host, int(port)) as sender:
            Player(sender).run()
    except SidemanError as error:
        print(f"sideman: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130  # the process that started this one says what there is to say
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

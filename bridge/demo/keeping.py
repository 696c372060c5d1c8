"""What is left when the demo is over, if asked for: a server with its loops and a few prompts laid
out, to be played in the browser.

Threading: all of it belongs to the thread that calls `keep`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bridge.app import App
from bridge.cli.interrupt import until_interrupted
from bridge.config import OSC_PORT, OSC_TCP_PORT, Config
from bridge.osc.sender import Sender
from bridge.osc.server import PortUnavailable
from bridge.row import Value

STAGE: tuple[tuple[str, tuple[Value, ...]], ...] = (
    ("/tempo", (96.0,)),
    ("/deck/1/prompt", ("boom bap, dusty drums, upright bass",)),
    ("/deck/2/prompt", ("lofi keys, rhodes, no drums", 2.0, "dub techno stabs, no drums", 1.0)),
    ("/deck/2/morph", (4.0,)),
    ("/deck/3/prompt", ("warm pad, strings, no drums",)),
    ("/deck/4/prompt", ("shaker, congas",)),
    ("/slot/1/prompt", ("boom bap, dusty drums, upright bass",)),
    ("/slot/2/prompt", ("house, four on the floor, deep bass",)),
    ("/slot/3/prompt", ("dub techno, tape echo",)),
    ("/slot/4/prompt", ("funk, slap bass, claps",)),
    ("/slot/5/prompt", ("lofi keys, rhodes, no drums",)),
    ("/slot/6/prompt", ("jazz piano, brushes",)),
    ("/slot/7/prompt", ("ambient pad, no drums",)),
    ("/slot/8/prompt", ("drum and bass, reese",)),
)
"""Nothing plays yet: that is for who has come."""
_LOOK_S = 0.5


def keep(config: Config, say: Callable[[str], None]) -> None:
    """Serve the console at the usual ports, or free ones if those are taken, until Ctrl-C. `say` is
    told where. Raises SidemanError if the server cannot be started."""
    app = _started(config)
    stopping = until_interrupted()
    try:
        assert app.web
        lay_out(app.osc.udp_port)
        say(app.web.link)
        while not stopping.wait(_LOOK_S):
            pass
    finally:
        app.stop()


def lay_out(osc_port: int) -> None:
    """Send the stage to a server on this machine."""
    with Sender("127.0.0.1", osc_port) as hand:
        for address, values in STAGE:
            hand.send(address, *values)
        hand.ask("/sync", 1, answer="/synced")


def _started(config: Config) -> App:
    usual = replace(
        config,
        osc_port=OSC_PORT,
        tcp_port=OSC_TCP_PORT,
        http=(config.host, OSC_PORT + 1),
        midi=True,
    )
    try:
        app = App(usual)
        app.start()
    except PortUnavailable:
        app = App(replace(usual, osc_port=0, tcp_port=0, http=(config.host, 0)))
        app.start()
    return app

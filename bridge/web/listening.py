"""OSCQuery's WebSocket: LISTEN and IGNORE as JSON, OSC both ways as binary messages.

What is sent in is taken as if it had come by UDP, so all that the protocol can do can be done over
the socket, and what is wrong is answered `/error` in the same way.

Threading: the server's loop; the sink must be good for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass

from starlette.types import Message as Received
from starlette.websockets import WebSocket

from bridge.osc.feedback import Feedback
from bridge.osc.packet import BadPacket, decode
from bridge.osc.server import PacketSink
from bridge.web.client import SocketClient
from bridge.web.limits import Allowance, Flooded
from bridge.web.tree import Tree
from engine.errors import BadValue

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every socket is served from."""

    tree: Tree
    feedback: Feedback
    sink: PacketSink

    async def attend(self, socket: WebSocket) -> None:
        """Serve one client from its handshake until it leaves."""
        peer = socket.client
        await socket.accept()
        client = SocketClient(f"{peer.host}:{peer.port}" if peer else "", self.tree.typed)
        try:
            await _first(
                self._receive(socket, client), _send(socket, client), client.dropped.wait()
            )
        finally:
            client.close()
            self.feedback.unsubscribe(client)

    async def _receive(self, socket: WebSocket, client: SocketClient) -> None:
        allowance = Allowance()
        while (message := await socket.receive())["type"] == "websocket.receive":
            try:
                if allowance.take():
                    self._message(message, client)
                elif allowance.dropped == 1:
                    busy = f"busy: at most {allowance.per_s:.0f} messages a second are taken"
                    client.send("/error", "", busy)
            except Flooded as error:
                await socket.close(1008, str(error))
                return
            await asyncio.sleep(0)  # one that never stops sending must not keep others waiting

    def _message(self, message: Received, client: SocketClient) -> None:
        text, packet = message.get("text"), message.get("bytes")
        if text is not None:
            self._command(text, client)
        elif packet is not None:
            self._packet(packet, client)

    def _command(self, text: str, client: SocketClient) -> None:
        try:
            command, path = _parsed(text)
            if path not in self.tree:
                raise BadValue(f"{path[:80]!r} is no address, as {command} takes it")
        except BadValue as error:
            client.send("/error", "", str(error))
            return
        if command == "LISTEN":
            self.feedback.listen(client, path)
        else:
            self.feedback.ignore(client, path)

    def _packet(self, packet: bytes, client: SocketClient) -> None:
        try:
            self.sink(decode(packet), client)
        except BadPacket as error:
            client.send("/error", error.address, str(error))
        except Exception as error:  # nothing that is sent may end the connection of a show
            _log.error("%s: %r", client.name, error, exc_info=_log.isEnabledFor(logging.DEBUG))
            client.send("/error", "", f"internal error: {error!r}")


async def _send(socket: WebSocket, client: SocketClient) -> None:
    while True:
        for packet in await client.take():
            await socket.send_bytes(packet)


async def _first(*parts: Coroutine[object, object, object]) -> None:
    """Run all until one ends, and end the others. Raises what that one raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _parsed(text: str) -> tuple[str, str]:
    """The command and the path it is about. Raises BadValue."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadValue('a text message is JSON: {"COMMAND": "LISTEN", "DATA": "/path"}') from None
    command, path = (said.get("COMMAND"), said.get("DATA")) if isinstance(said, dict) else (0, 0)
    if command not in ("LISTEN", "IGNORE") or not isinstance(path, str):
        raise BadValue("COMMAND is LISTEN or IGNORE, and DATA is the path of an address")
    return command, path

"""All the dialects that a server speaks: which port hears which, who is greeted, and when.

Threading: made, started and closed by one thread; the greetings leave on a thread of their own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace

from bridge.config import host_and_port
from bridge.dialects.host import Host
from bridge.dialects.interpreter import Interpreter, Speaker
from bridge.dialects.load import load_dialect
from bridge.dialects.model import Dialect
from bridge.dispatch import Batch, Submit
from bridge.osc.feedback import Feedback
from bridge.osc.server import Further, OscServer, PacketSink
from bridge.state import State
from bridge.table import Table
from bridge.time.clock import monotonic_s
from engine.errors import BadValue

_SPOKEN = re.compile(r"(?P<name>.+?)(@(?P<host>[^@,]+))?(,(?P<listen>\d+))?")


def dialect_of(words: str) -> Dialect:
    """`NAME[@HOST:PORT][,LISTEN]`: the dialect of that name (or of the file of that path), told at
    another place, or heard at another port, than it says itself. Raises BadValue."""
    spoken = _SPOKEN.fullmatch(words)
    if spoken is None:
        raise BadValue("--dialect is NAME, NAME@HOST:PORT or NAME@HOST:PORT,LISTEN")
    dialect = load_dialect(spoken["name"])
    if spoken["host"]:
        host_and_port(spoken["host"])
        dialect = replace(dialect, host=spoken["host"])
    if spoken["listen"]:
        port = int(spoken["listen"])
        if port > 65535:
            raise BadValue(f"port {port} in --dialect {words} is out of range 0..65535")
        dialect = replace(dialect, listen=port)
    return dialect


class Dialects:
    def __init__(self, dialects: Sequence[Dialect], table: Table) -> None:
        self._table = table
        self._hosts = [Host(dialect, table) for dialect in dialects]
        self._doors: dict[Host, Further] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._greet, name="dialects", daemon=True)

    @property
    def words(self) -> list[str]:
        """Of each dialect, for people: its name, where it is heard and where it is told."""
        lines = []
        for host in self._hosts:
            door = self._doors.get(host)
            heard = f" from {door.port}" if door else ""
            told = f" to {host.dialect.host}" if host.dialect.host else ""
            lines.append(f"dialect {host.dialect.name!r}{heard}{told}")
        return lines

    @property
    def heard_at(self) -> int | None:
        """The port of the first dialect that has one of its own, once the server is started."""
        return next((door.port for door in self._doors.values()), None)

    def sink(self, sink: PacketSink) -> PacketSink:
        """What the main OSC port is read with: `sink` itself, unless there are dialects."""
        return Interpreter(self._hosts, sink, self._table).packet if self._hosts else sink

    def submit(self, submit: Submit) -> Submit:
        """Takes note of what hosts ask for, and hands it to `submit`."""

        def noting(batch: Batch) -> bool:
            if isinstance(batch.client, Speaker) and batch.client.host is not None:
                for request in batch.requests:
                    batch.client.host.agree(request)
            return submit(batch)

        return noting if self._hosts else submit

    def listen(self, server: OscServer, sink: PacketSink) -> None:
        """Have the server open the ports of those that have one, before it is started."""
        for host in self._hosts:
            if host.dialect.listen is not None:
                heard = Interpreter([host], sink).packet
                remedy = f"--dialect NAME@{host.dialect.host or 'HOST:PORT'},LISTEN"
                self._doors[host] = server.listen(host.dialect.listen, heard, remedy)

    def start(self, server: OscServer, state: State, feedback: Feedback) -> None:
        """Tell the hosts what changes from now on. Raises BadValue if one cannot be reached."""
        for host in self._hosts:
            door = self._doors.get(host)
            host.connect(door.udp if door and door.udp else server.udp)
            host.know(state.items())
            feedback.subscribe(host, stays=True)
        if any(host.dialect.hello for host in self._hosts):
            self._thread.start()

    def close(self) -> None:
        """Take leave. Safe to call twice, and if it was never started."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        for host in self._hosts:
            host.say(host.dialect.bye)

    def _greet(self) -> None:
        due_s = dict.fromkeys((h for h in self._hosts if h.dialect.hello), monotonic_s())
        while True:
            host = min(due_s, key=lambda each: due_s[each])
            if self._closing.wait(max(0.0, due_s[host] - monotonic_s())):
                return
            host.say(host.dialect.hello)
            due_s[host] += host.dialect.hello_s

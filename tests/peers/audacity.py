"""Audacity on a screen that nobody sees (Xvfb), driven through its script pipe.

    with audacity(folder) as editor:
        editor.do('Import2: Filename="/clips/a.wav"')

Its pipe has one name for each user, so one runs at a time.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import TextIO

from tests.peers.conftest import absent, need
from tests.peers.screen import screen

MODULE = Path("/usr/lib/audacity/modules/mod-script-pipe.so")
START_S = 4.0
"""It takes one."""
TRIES = 4
POLL_S = 0.05
DONE = "BatchCommand finished: "

# Without its version, Audacity takes the file for an old one and greets a new user with a dialog.
CONFIG = """PrefsVersion=1.1.1r1
[Version]
Major=3
Minor=2
Micro=4
[GUI]
ShowSplashScreen=0
[Update]
DefaultUpdatesChecking=0
UpdateNoticeShown=1
[Module]
mod-script-pipe=1
[ModulePath]
mod-script-pipe={module}
[ModuleDateTime]
mod-script-pipe={date}
"""


@dataclass(frozen=True, slots=True)
class Audacity:
    to: TextIO
    back: TextIO

    def do(self, command: str) -> str:
        """What it answers. Fails the test if the command does."""
        self.to.write(command + "\n")
        self.to.flush()
        said = ""
        while not (line := self.back.readline()).startswith(DONE):
            assert line, f"Audacity is gone after {command!r}: {said}"
            said += line
        assert line == f"{DONE}OK\n", f"{command}: {said}"
        self.back.readline()  # empty; it hears no command before that has gone
        return said


@contextmanager
def audacity(folder: Path) -> Iterator[Audacity]:
    """Audacity with an empty project, at home in `folder`. Skips the test if it is not here."""
    program = need("audacity")
    if not MODULE.is_file():
        absent("Audacity's script pipe", "apt-get install audacity")
    _configure(folder)
    with screen() as display:
        environment = {
            **os.environ,
            "DISPLAY": display,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TMPDIR": str(folder),
        }
        process, to = _started(program, environment, folder)
        try:
            with os.fdopen(to, "w") as writing, _pipe("from").open() as back:
                _until_it_answers(writing, back)
                yield Audacity(writing, back)
        finally:
            process.kill()
            process.wait()


def _configure(folder: Path) -> None:
    config = folder / "config" / "audacity"
    config.mkdir(parents=True)
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(MODULE.stat().st_mtime))
    (config / "audacity.cfg").write_text(CONFIG.format(module=MODULE, date=date))


def _started(
    program: str, environment: dict[str, str], folder: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """Audacity, and its pipe, open for commands.

    On its first start it looks for plug-ins with processes that make the pipe anew, under the
    feet of the one that listens; then it is started again, and has none to look for.
    """
    null = subprocess.DEVNULL
    for _ in range(TRIES):
        _pipe("to").unlink(missing_ok=True)
        process = subprocess.Popen([program], env=environment, stdout=null, stderr=null)
        end_s = time.monotonic() + START_S
        while time.monotonic() < end_s and process.poll() is None:
            if (pipe := _opened(folder)) is not None:
                return process, pipe
            time.sleep(POLL_S)
        process.kill()
        process.wait()
        for project in _projects(folder):
            project.unlink()
    raise AssertionError(f"Audacity did not listen in {TRIES} tries")


def _opened(folder: Path) -> int | None:
    """The pipe for commands, if anybody listens at its other end and has a project."""
    if not _projects(folder):
        return None
    try:
        pipe = os.open(_pipe("to"), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
    os.set_blocking(pipe, True)
    return pipe


def _until_it_answers(to: TextIO, back: TextIO) -> None:
    """What comes before its window is there is answered with an empty line, and forgotten."""
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s:
        to.write("GetInfo: Type=Clips\n")
        to.flush()
        said = b""
        while not said.endswith(b"OK\n\n") and select([back], [], [], 10 * POLL_S)[0]:
            said += os.read(back.fileno(), 4096)
        if said.endswith(b"OK\n\n"):
            return
    raise AssertionError("Audacity does not answer")


def _projects(folder: Path) -> list[Path]:
    return list(folder.rglob("*.aup3unsaved"))


def _pipe(name: str) -> Path:
    return Path(f"/tmp/audacity_script_pipe.{name}.{os.getuid()}")

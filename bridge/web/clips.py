"""The clips folder over HTTP: what lies in it, the files themselves, their outlines, and zip files.

Nothing is changed from here (that is done over OSC), and nothing is reached by a path: a clip goes
by its name, and what is no clip's name is not there.

Threading: the server's loop; the disk is read on worker threads.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bridge.clips.catalogue import Catalogue
from bridge.clips.files import shown
from bridge.clips.keeping import SUFFIX, Shelf
from bridge.clips.names import clip_path
from bridge.clips.peaks import FULL_SCALE, Peaks
from engine.errors import BadValue

MAX_ZIPPED = 200
"""Clips in one zip file: as many names as an address can be long."""
DEFAULT_COLUMNS = 400

_AGAIN = {"cache-control": "no-cache"}
"""Kept by the browser, and asked for each time whether it is still the same: a name may be given to
another clip."""
_CHUNK_BYTES = 1 << 18


class ClipPages:
    """The answers about one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = Shelf(folder)
        self._clips = Catalogue(folder)
        self._trash = Catalogue(self._shelf.trash)
        self._peaks = Peaks()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/clips", self.listed, methods=["GET"]),
            Route("/clips.zip", self.several, methods=["GET"]),
            Route("/clips/{name}" + SUFFIX, self.file, methods=["GET"]),
            Route("/clips/{name}" + SUFFIX + "/peaks", self.peaks, methods=["GET"]),
            Route("/trash", self.deleted, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """What can be heard, the oldest first, each with whether it has a star."""
        return _json(await run_in_threadpool(self._described))

    def _described(self) -> list[dict[str, Any]]:
        stars = self._shelf.starred()
        return [{**asdict(e), "starred": e.file in stars} for e in self._clips.entries()]

    async def deleted(self, request: Request) -> Response:
        """The same of what was deleted; `/clip/restore` takes these names."""
        entries = await run_in_threadpool(self._trash.entries)
        return _json([asdict(entry) for entry in entries])

    async def file(self, request: Request) -> Response:
        """The file, or a part of it; with `?download` as one to be saved."""
        path = await run_in_threadpool(self._find, _name(request))
        try:
            state = await run_in_threadpool(path.stat) if path else None
        except OSError:  # gone, or another name, since it was looked for
            state = None
        if path is None or state is None:
            return _missing(_name(request))
        answer = FileResponse(
            path, headers=_AGAIN, media_type="audio/wav", stat_result=state,
            filename=_name(request) if "download" in request.query_params else None,
        )  # fmt: skip
        if answer.headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={"etag": answer.headers["etag"], **_AGAIN})
        return answer

    async def peaks(self, request: Request) -> Response:
        """Its outline in `?columns=`: pairs of the lowest and the highest, -1..1, or with
        `?form=int8` the same as bytes, of which 127 is full scale."""
        path = await run_in_threadpool(self._find, _name(request))
        if path is None:
            return _missing(_name(request))
        asked = request.query_params.get("columns", str(DEFAULT_COLUMNS))
        try:
            outline = await run_in_threadpool(self._peaks.of, path, _number("columns", asked))
        except BadValue as error:
            return _refused(str(error))
        except OSError:  # gone, or another name, since it was looked for
            return _missing(_name(request))
        if request.query_params.get("form") == "int8":
            return Response(
                outline.tobytes(), headers=_AGAIN, media_type="application/octet-stream"
            )
        pairs = [[round(low, 3), round(high, 3)] for low, high in (outline / FULL_SCALE).tolist()]
        return _json(pairs)

    async def several(self, request: Request) -> Response:
        """All that are named by `?name=` in one file, as they are."""
        names = list(dict.fromkeys(request.query_params.getlist("name")))
        if not 1 <= len(names) <= MAX_ZIPPED:
            return _refused(
                f"{len(names)} names: clips.zip?name=A.wav&name=B.wav takes 1..{MAX_ZIPPED}"
            )
        paths = await run_in_threadpool(lambda: {name: self._find(name) for name in names})
        found = {name: path for name, path in paths.items() if path is not None}
        for name in names:
            if name not in found:
                return _missing(name)
        headers = {**_AGAIN, "content-disposition": 'attachment; filename="clips.zip"'}
        return StreamingResponse(zipped(found), headers=headers, media_type="application/zip")

    def _find(self, name: str) -> Path | None:
        """The clip's file; None if there is none, or if it is no clip's name."""
        try:
            path = clip_path(self._folder, name)
            return path if name.endswith(SUFFIX) and path.is_file() else None
        except (BadValue, OSError, ValueError):
            return None


class _Pipe:
    """What a zip file is written into, piece by piece."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    close = flush

    def take(self) -> bytes:
        data = b"".join(self._waiting)
        self._waiting.clear()
        return data


def zipped(files: dict[str, Path]) -> Iterator[bytes]:
    """A zip file of these, stored as they are (audio hardly gets smaller), as it is made; in memory
    is never more than a piece of it. Raises OSError if one is gone."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files.items():
            with path.open("rb") as source, archive.open(_member(path, name), "w") as into:
                while data := source.read(_CHUNK_BYTES):
                    into.write(data)
                    yield pipe.take()
    yield pipe.take()


def _member(path: Path, name: str) -> zipfile.ZipInfo:
    plain = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
    plain.compress_type = zipfile.ZIP_STORED
    return plain


def _name(request: Request) -> str:
    return str(request.path_params["name"]) + SUFFIX


def _number(what: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadValue(f"{what} is a whole number, not {shown(text)[:40]!r}")
    return int(text)


def _json(value: object) -> Response:
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(text, headers=_AGAIN, media_type="application/json")


def _missing(name: str) -> Response:
    return PlainTextResponse(f"there is no clip {shown(name)!r}\n", 404)


def _refused(reason: str) -> Response:
    return PlainTextResponse(f"{reason}\n", 400)

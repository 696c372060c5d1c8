"""The clips folder over HTTP: lists, files, outlines and zip files, by name only."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message as Headers
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from bridge.clips.keeping import Shelf
from bridge.clips.wav import write_wav
from bridge.table import Table
from tests.bridge.clips.samples import clip_info, noise
from tests.bridge.web.web import DEADLINE_S, STUDIO, raw, running

RATE = 48000
ODD = "nächtlich & leise #1.wav"


class Site:
    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder

    def get(self, path: str, **headers: str) -> tuple[int, bytes, Headers]:
        """Status, body and headers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    def json(self, path: str) -> list[dict[str, object]]:
        status, body, _ = self.get(path)
        assert status == 200
        found: list[dict[str, object]] = json.loads(body)
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two clips, one with a star, a recording, something foreign, and a way out."""
    above = tmp_path_factory.mktemp("above")
    folder = above / "clips"
    folder.mkdir()
    for seed, name in enumerate(("a.wav", ODD, "gone.wav")):
        info = clip_info(bars=1, bpm=400.0, seed=seed)
        write_wav(folder / name, noise(28800, seed=seed), RATE, info)
    write_wav(folder / "master_1.wav", noise(100), RATE)
    write_wav(above / "secret.wav", noise(100), RATE)
    (folder / "notes.txt").write_text("mine")
    (folder / "link.wav").symlink_to(above / "secret.wav")
    Shelf(folder).star(ODD, True)
    Shelf(folder).delete("gone.wav")
    with running(studio=replace(STUDIO, folder=folder)) as it:
        yield Site(it.port, folder)


def test_the_list_says_what_each_clip_is(site: Site) -> None:
    clips = {clip["file"]: clip for clip in site.json("/clips")}
    assert set(clips) == {"a.wav", ODD, "master_1.wav"}
    assert [clips[name]["starred"] for name in ("a.wav", ODD)] == [False, True]
    assert (clips[ODD]["seed"], clips[ODD]["bpm"], clips[ODD]["kind"]) == (1, 400.0, "clip")
    assert clips["master_1.wav"]["kind"] == "recording"


def test_the_trash_is_a_list_of_its_own(site: Site) -> None:
    assert [clip["file"] for clip in site.json("/trash")] == ["gone.wav"]


@pytest.mark.parametrize("name", ["a.wav", ODD])
def test_a_clip_is_fetched_whole(site: Site, name: str) -> None:
    status, body, headers = site.get(f"/clips/{quote(name)}")
    assert (status, headers["content-type"]) == (200, "audio/wav")
    assert body == (site.folder / name).read_bytes()
    assert headers["content-disposition"] is None


def test_a_clip_is_saved_under_its_name(site: Site) -> None:
    _, body, headers = site.get("/clips/a.wav?download")
    assert headers["content-disposition"] == 'attachment; filename="a.wav"'
    assert body == (site.folder / "a.wav").read_bytes()


def test_a_part_of_a_clip_is_fetched(site: Site) -> None:
    status, body, headers = site.get("/clips/a.wav", Range="bytes=100-199")
    assert (status, headers["content-range"][:14]) == (206, "bytes 100-199/")
    assert body == (site.folder / "a.wav").read_bytes()[100:200]
    assert site.get("/clips/a.wav", Range="bytes=99999999-")[0] == 416


def test_what_is_known_already_is_not_sent_again(site: Site) -> None:
    _, _, headers = site.get("/clips/a.wav")
    request = {"If-None-Match": headers["etag"]}
    status, body, _ = site.get("/clips/a.wav", **request)
    assert (status, body) == (304, b"")


OUTSIDE = [
    "../secret.wav", "..%2fsecret.wav", "..%2Fsecret.wav", "%2e%2e/secret.wav",
    "%2e%2e%2fsecret.wav", "..%5csecret.wav", "c:secret.wav", "/etc/passwd", "%2fetc%2fpasswd.wav",
    "a%00.wav", "link.wav", ".trash/gone.wav", ".trash%2fgone.wav", ".stars.json", ".wav",
    "notes.txt", "none.wav", "a", "a.wav/", "a.wav/peaks/x", "link.wav/peaks",
    "..%2fsecret.wav/peaks", "a.wav.part",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_but_clips_is_reached(site: Site, name: str) -> None:
    """As raw bytes: a client would tidy such a path up."""
    head = f"GET /clips/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert raw(site.port, head.encode()).startswith(b"HTTP/1.1 404 ")


def test_a_clip_is_outlined(site: Site) -> None:
    pairs = json.loads(site.get("/clips/a.wav/peaks?columns=50")[1])
    assert len(pairs) == 50
    assert all(-1 <= low < 0 < high <= 1 for low, high in pairs)
    _, body, headers = site.get("/clips/a.wav/peaks?columns=50&form=int8")
    assert headers["content-type"] == "application/octet-stream"
    outline = np.frombuffer(body, np.int8).reshape(50, 2)
    assert np.allclose(outline / 127, pairs, atol=0.001)


@pytest.mark.parametrize("columns", ["0", "-1", "4097", "many", "", "1e3", "٣"])
def test_columns_that_are_none_are_refused(site: Site, columns: str) -> None:
    status, body, _ = site.get(f"/clips/a.wav/peaks?columns={quote(columns)}")
    assert (status, body.count(b"\n")) == (400, 1)


def test_several_clips_come_in_one_file(site: Site) -> None:
    status, body, headers = site.get(f"/clips.zip?name=a.wav&name={quote(ODD)}&name=a.wav")
    assert (status, headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.wav", ODD]
        for name in archive.namelist():
            assert archive.read(name) == (site.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("name=a.wav&" * 1 + "&".join(f"name={n}" for n in range(201)), 400),
     ("name=a.wav&name=none.wav", 404), ("name=..%2Fsecret.wav", 404), ("name=link.wav", 404)],
)  # fmt: skip
def test_a_zip_file_of_something_else_is_refused(site: Site, query: str, status: int) -> None:
    assert site.get(f"/clips.zip?{query}")[0] == status


def test_the_protocols_nodes_are_where_they_were(site: Site) -> None:
    node = json.loads(site.get("/clip/render")[1])
    assert node["FULL_PATH"] == "/clip/render"
    assert not [path for path in Table() if path.split("/")[1] in ("clips", "trash", "clips.zip")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_is_changed_over_http(site: Site, method: str) -> None:
    head = f"{method} /clips/a.wav HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert raw(site.port, head.encode()).startswith(b"HTTP/1.1 405 ")

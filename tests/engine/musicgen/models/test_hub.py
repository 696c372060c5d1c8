from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from engine.errors import BadValue, EngineUnavailable
from engine.musicgen import models
from engine.musicgen.models import download, hub
from tests.engine.musicgen.models.fake_hub import COMMIT, FakeHub, serving

ID = "some/tiny"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in "HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HUB_OFFLINE TRANSFORMERS_OFFLINE".split():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, sharded: Path, tmp_path: Path) -> Iterator[FakeHub]:
    folder = tmp_path / "on the hub"
    shutil.copytree(sharded, folder)
    (folder / "README.md").write_text("not needed")
    (folder / "pytorch_model.bin").write_bytes(b"not needed")
    with serving(ID, folder) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
        yield served


@pytest.fixture(scope="session")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from engine.musicgen.models import tiny

    return tiny.make(tmp_path_factory.mktemp("tiny") / "sharded", shards=3)


def resolve(model: str) -> tuple[Path, list[str]]:
    said: list[str] = []
    return models.resolve(model, said.append), said


def refusal(model: str) -> str:
    with pytest.raises(EngineUnavailable) as caught:
        resolve(model)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_downloads_once_and_only_what_is_needed(server: FakeHub, sharded: Path) -> None:
    assert not hub.is_cached(ID)
    folder, said = resolve(ID)
    assert folder.parent.parent.name == "models--some--tiny"
    for path in sharded.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert sorted(server.fetched[1:]) == sorted(set(server.fetched[1:]))
    assert not {"README.md", "pytorch_model.bin"} & set(server.fetched)
    assert ID in said[0]
    assert "4.3 MB" in said[0]
    assert str(hub.cache_folder()) in said[0]
    assert "mit" in said[1]

    asked = len(server.requests)
    assert hub.is_cached(ID)
    assert resolve(ID) == (folder, [])
    assert len(server.requests) == asked


def test_without_safetensors_takes_the_bin(server: FakeHub) -> None:
    for path in server.folder.glob("model*"):
        path.unlink()
    folder, _ = resolve(ID)
    assert (folder / "pytorch_model.bin").read_bytes() == b"not needed"


def test_works_offline_once_cached(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in refusal(ID)
    assert server.requests == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    folder, _ = resolve(ID)
    server.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve(ID)[0] == folder
    assert server.requests == []


def test_a_broken_connection_is_taken_up_again(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    name = "model-00002-of-00003.safetensors"
    server.break_off[name] = [5500]
    try:
        folder, _ = resolve(ID)
    except EngineUnavailable:  # huggingface_hub before 1.0 leaves it to the next try.
        folder, _ = resolve(ID)
    assert (folder / name).read_bytes() == (server.folder / name).read_bytes()
    ranges = [asked for _, file, asked in server.requests if file == name]
    assert {"bytes=5000-", "bytes=5500-"} & set(ranges)


def test_half_a_download_is_not_taken_for_a_whole_one(server: FakeHub) -> None:
    name = "model-00002-of-00003.safetensors"
    whole = (server.folder / name).read_bytes()
    (server.folder / name).unlink()
    assert "cannot be downloaded" in refusal(ID) or "no model" in refusal(ID)
    assert not hub.is_cached(ID)
    (server.folder / name).write_bytes(whole)
    server.fetched.clear()
    assert hub.is_cached(str(resolve(ID)[0]))
    assert hub.is_cached(ID)
    assert "model-00001-of-00003.safetensors" not in server.fetched


def test_a_model_that_cannot_be_played_costs_no_download(server: FakeHub) -> None:
    config = server.folder / "config.json"
    config.write_text(config.read_text().replace('"musicgen"', '"musicgen_melody"'))
    assert "melody" in refusal(ID)
    assert not [name for name in server.fetched if name.endswith(".safetensors")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gated": True}, ["gated", "hf auth login"]),
        ({"status": 503}, ["503", "later"]),
        ({"hub_id": "another/one"}, ["no model 'some/tiny'", "facebook/musicgen-small"]),
    ],
)
def test_the_hub_refuses(server: FakeHub, change: dict[str, object], words: list[str]) -> None:
    for name, value in change.items():
        setattr(server, name, value)
    said = refusal(ID)
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("gone", "word"),
    [
        ("config.json", "config.json"),
        ("tokenizer.json", "tokenizer.json"),
        ("*model*", "model.safetensors"),
    ],
)
def test_the_hub_lacks_a_file(server: FakeHub, gone: str, word: str) -> None:
    for path in server.folder.glob(gone):
        path.unlink()
    assert word in refusal(ID)


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    said = refusal(ID)
    assert "cannot be reached" in said
    assert "connect" in said


def test_no_room(server: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000))
    said = refusal(ID)
    assert "needs 4.3 MB" in said
    assert "HF_HOME" in said
    assert "model-00001-of-00003.safetensors" not in server.fetched


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "no room"), (errno.EACCES, "cannot be written")]
)
def test_the_disk_refuses(
    server: FakeHub, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(code, "as the system says it")

    monkeypatch.setattr(download, "hf_hub_download", refuse)
    assert words in refusal(ID)


@pytest.mark.parametrize(
    ("model", "whole"),
    [
        ("small", "facebook/musicgen-small"),
        ("stereo-large", "facebook/musicgen-stereo-large"),
        ("musicgen-medium", "facebook/musicgen-medium"),
        ("me/my_model-1.0", "me/my_model-1.0"),
    ],
)
def test_names(model: str, whole: str) -> None:
    assert hub.full_id(model) == whole
    assert hub.is_cached(model) is False


@pytest.mark.parametrize(
    "model",
    [
        "",
        "nonsense",
        "a/b/c",
        "model.gguf",
        "/no/folder",
        "../up",
        "~nobody/x",
        "a/b c",
        "a\0/b",
        "-a/b",
        "a/..",
    ],
)
def test_no_names(model: str) -> None:
    assert hub.is_cached(model) is False
    with pytest.raises(BadValue, match=r"facebook/musicgen-small|stereo-small"):
        resolve(model)


@pytest.mark.parametrize("model", ["melody", "facebook/musicgen-melody"])
def test_what_comes_later(model: str) -> None:
    assert hub.is_cached(model) is False
    assert "facebook/musicgen-small" in refusal(model)


def test_a_local_folder(tiny_mono: Path, tmp_path: Path) -> None:
    assert resolve(str(tiny_mono)) == (tiny_mono, [])
    assert hub.is_cached(str(tiny_mono))
    assert "config.json" in refusal(str(tmp_path))
    shutil.copy(tiny_mono / "config.json", tmp_path)
    assert "tokenizer.json" in refusal(str(tmp_path))
    shutil.copy(tiny_mono / "tokenizer.json", tmp_path)
    assert "model.safetensors" in refusal(str(tmp_path))
    assert not hub.is_cached(str(tmp_path))
    assert "a file" in refusal(str(tiny_mono / "model.safetensors"))
    (tmp_path / "x.gguf").touch()
    assert "damaged" in refusal(str(tmp_path / "x.gguf"))


def test_a_local_folder_that_lacks_a_shard(sharded: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(sharded, tmp_path / "copy")
    assert resolve(str(copy))[0] == copy
    (copy / "model-00003-of-00003.safetensors").unlink()
    assert "model-00003-of-00003.safetensors" in refusal(str(copy))
    (copy / "model.safetensors.index.json").write_text("{")
    assert "index" in refusal(str(copy))


def test_tiny_needs_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    assert hub.is_cached("tiny")
    folder, said = resolve("tiny")
    assert hub.missing(folder) == ""
    assert folder.parent == tmp_path / "sideman"
    assert said == []


def test_the_cache_is_found_as_huggingface_hub_finds_it(tmp_path: Path) -> None:
    script = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE);"
    script += "from engine.musicgen.models import hub; print(hub.cache_folder())"
    home = str(tmp_path)
    for variables in (
        {},
        {"XDG_CACHE_HOME": f"{home}/xdg"},
        {"HF_HOME": "~/hf", "XDG_CACHE_HOME": f"{home}/xdg"},
        {"HF_HUB_CACHE": "$HOME/cache", "HF_HOME": f"{home}/hf"},
    ):
        answer = subprocess.run(
            [sys.executable, "-c", script],
            env={"HOME": home, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        theirs, ours = answer.stdout.split()
        assert ours == theirs


def test_looking_imports_nothing_heavy() -> None:
    script = "import sys; from engine.musicgen.models import hub; hub.is_cached('small');"
    script += "print(sorted({'torch', 'transformers', 'huggingface_hub'} & {*sys.modules}))"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_licences() -> None:
    assert "CC-BY-NC" in hub.licence_note("stereo-medium")
    assert "CC-BY-NC" in hub.licence_note("facebook/musicgen-large")
    assert hub.licence_note("me/mine") == hub.licence_note("tiny") == hub.licence_note("/a/b") == ""


def test_the_snapshot_that_main_names_comes_first(sharded: Path) -> None:
    copies = hub.cache_folder() / "models--some--tiny"
    for commit in ("aaaa", COMMIT):
        shutil.copytree(sharded, copies / "snapshots" / commit)
    (copies / "refs").mkdir()
    (copies / "refs" / "main").write_text(COMMIT)
    assert hub.cached_snapshot(ID) == copies / "snapshots" / COMMIT
    (copies / "snapshots" / COMMIT / "config.json").unlink()
    assert hub.cached_snapshot(ID) == copies / "snapshots" / "aaaa"

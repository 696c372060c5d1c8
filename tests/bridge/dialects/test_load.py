"""What a dialect's file may say, and what is said of one that is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.addresses import MAX_DECKS
from bridge.dialects.check import samples
from bridge.dialects.load import FILE, KEYS, RULE_KEYS, load_dialect, parse_dialect, read_dialect
from bridge.dialects.model import Equals, Like, Place, Within, filled, places
from bridge.presets import preset_names
from bridge.table import Table
from engine.errors import BadValue

HEAD = 'name = "Host"\n'
FADER = """
[[in]]
address = "/track/{n}/fader"
takes = ["x"]
when = { n = [1, 4], x = [0.0, 1.0] }
scale = { x = [0.0, 1.0, -60.0, 6.0] }
to = "/deck/{n}/gain"
args = ["{x}"]
"""


def test_a_dialect_is_read_as_it_stands() -> None:
    dialect = parse_dialect(
        HEAD + 'host = "127.0.0.1:3819"\nlisten = 0\nhello = [["/hello", 1, "a", 2.5]]\n'
        'hello_s = 4\nbye = [["/bye"]]\n' + FADER + '[[in]]\naddress = "/track/*"\n'
        '[[out]]\naddress = "/play"\ntakes = ["on"]\nwhen = { on = 1 }\nto = "/go"\n'
        'args = ["now"]\n'
        '[[out]]\naddress = "/deck/{n}/prompt"\ntakes = ["t"]\nwhen = { t = "regex/a.*" }\n'
        'to = "/x"\n'
    )
    assert (dialect.host, dialect.listen, dialect.hello_s) == ("127.0.0.1:3819", 0, 4.0)
    assert dialect.hello == (("/hello", (1, "a", 2.5)),)
    assert dialect.bye == (("/bye", ()),)
    fader, ignored = dialect.heard
    assert fader.when == {"n": Within(1, 4), "x": Within(0.0, 1.0)}
    assert (fader.numbers, fader.takes, fader.args) == (("n",), ("x",), (Place("x"),))
    assert ignored.to == ""
    start, named = dialect.told
    assert (start.when, start.args) == ({"on": Equals(1)}, ("now",))
    assert isinstance(named.when["t"], Like)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "is not TOML"),
        (HEAD, "has no rules"),
        (FADER, "name is missing"),
        (HEAD + "port = 1\n" + FADER, "no key 'port'; there are name host listen"),
        (HEAD + 'host = "there"\n' + FADER, "'there' is not HOST:PORT"),
        (HEAD + "listen = 70000\n" + FADER, "listen 70000 is out of range 0..65535"),
        (HEAD + "hello_s = 0\n" + FADER, "hello_s 0 is out of range"),
        (HEAD + 'hello = ["/x"]\n' + FADER, "hello holds messages like"),
        (HEAD + FADER + "adress = 1\n", r"\[\[in\]\] number 1 .*no key 'adress'"),
        (HEAD + FADER.replace("{n}/fader", "{n}/*/x"), "only the whole last part may be"),
        (HEAD + FADER.replace("{n}/fader", "{n"), "with places like"),
        (HEAD + FADER.replace('["x"]', '["n"]'), "n n needs a name of its own"),
        (HEAD + FADER.replace('args = ["{x}"]', 'args = ["{y}"]'), r"\{y\}, but .* name n x"),
        (HEAD + FADER.replace("/deck/{n}", "/deck/{m}"), r"to has the place \{m\}"),
        (HEAD + FADER.replace("/gain", "/volume"), "'/deck/{n}/volume' is not in the protocol"),
        (HEAD + FADER.replace("[1, 4]", "[1, 9]"), "is not in the protocol"),
        (HEAD + FADER.replace("6.0]", "12.0]"), r"db 12 is out of range -60..6"),
        (HEAD + FADER.replace('args = ["{x}"]', ""), "args is missing: /deck/{n}/gain takes f:db"),
        (HEAD + FADER.replace('"{x}"]', '"{x}", 1]'), "takes f:db, got 2 arguments"),
        (HEAD + FADER.replace("[1, 4]", "[4, 1]"), "the lower number comes first"),
        (HEAD + FADER.replace("[1, 4]", "[1]"), "when n is 2 numbers in brackets"),
        (HEAD + FADER.replace("[1, 4]", '"regex/("'), "no regular expression"),
        (HEAD + FADER.replace("n = [1, 4]", "z = 1"), "when speaks of 'z'"),
        (HEAD + FADER.replace("[0.0, 1.0, -60.0", "[1.0, 1.0, -60.0"), "must differ"),
        (HEAD + FADER.replace('to = "/deck/{n}/gain"', ""), "no `to` that they go to"),
        (HEAD + '[[out]]\naddress = "/pley"\nto = "/go"\n', "number 1 .*not in the protocol"),
        (HEAD + '[[out]]\naddress = "/play"\n', "to is missing"),
        (HEAD + '[[out]]\naddress = "/tempo"\ntakes = ["a", "b"]\nto = "/t"\n', "/tempo has 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, says: str) -> None:
    with pytest.raises(BadValue, match=says) as error:
        parse_dialect(text)
    assert "\n" not in str(error.value)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD, encoding="utf-8")
    with pytest.raises(BadValue, match=r"mine\.toml: has no rules"):
        load_dialect(str(path))
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(BadValue, match="is not UTF-8"):
        read_dialect(path)
    with pytest.raises(BadValue, match=r"there are .*reaper"):
        load_dialect("reper")


@pytest.mark.parametrize("name", preset_names(FILE))
def test_every_preset_speaks_of_what_there_is(name: str) -> None:
    dialect = load_dialect(name)
    table = Table(MAX_DECKS)
    for rule in dialect.heard:
        for address, values in samples(rule) if rule.to else ():
            assert address in set(table)
            if None not in values:
                table.resolve(address, values)
    for rule in dialect.told:
        assert table.row(filled(rule.address, dict.fromkeys(places(rule.address), 1)))


def test_the_example_in_the_docs_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "dialects.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    dialect = parse_dialect(example)
    assert (dialect.name, dialect.listen, len(dialect.heard), len(dialect.told)) == (
        "Desk", 7701, 3, 1,
    )  # fmt: skip
    for key in (*KEYS, *RULE_KEYS):
        assert f"`{key}`" in page or f"`[[{key}]]`" in page

"""Reads `dialect.toml`, and is strict about it: what is wrong is said with the file, the rule and
the remedy, when the server starts, not in the middle of a concert.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.config import host_and_port
from bridge.dialects.check import check_heard, check_told
from bridge.dialects.model import (
    REGEX,
    Condition,
    Dialect,
    Equals,
    Like,
    Place,
    Rule,
    Scale,
    Within,
    places,
)
from bridge.presets import preset_file
from bridge.row import Value
from engine.errors import BadValue

FILE = "dialect.toml"

KEYS = ("name", "host", "listen", "hello", "hello_s", "bye", "in", "out")
RULE_KEYS = ("address", "takes", "when", "scale", "to", "args", "changes")
_WORD = re.compile(r"[A-Za-z_]\w*")
_ARGUMENT = re.compile(r"\{(\w+)\}")
_HELLO_S = (0.5, 3600.0)


def load_dialect(name: str) -> Dialect:
    """The dialect of that name, or of that file. Raises BadValue."""
    return read_dialect(preset_file(name, FILE))


def read_dialect(path: Path) -> Dialect:
    """The dialect in a file. Raises BadValue that names the file, the rule and the remedy."""
    try:
        return parse_dialect(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadValue(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadValue(f"{path}: is not UTF-8; save it as UTF-8") from None
    except BadValue as error:
        raise BadValue(f"{path}: {error}") from None


def parse_dialect(text: str) -> Dialect:
    """The dialect that a TOML document describes. Raises BadValue."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadValue(f"is not TOML: {error}") from None
    _only(table, KEYS, "the dialect")
    host = _take(table, "host", str, "")
    if host:
        host_and_port(host)
    dialect = Dialect(
        name=_take(table, "name", str, "") or _missing("name", "the name of the host, for people"),
        host=host,
        listen=_port(table),
        hello=_messages(table, "hello"),
        hello_s=_seconds(table),
        bye=_messages(table, "bye"),
        heard=_rules(table, "in", check_heard),
        told=_rules(table, "out", check_told),
    )
    if dialect.listen is None and any(rule.for_all for rule in dialect.heard):
        raise BadValue("in-rule /* would hide the whole protocol: give it a `listen` of its own")
    if not dialect.heard and not dialect.told:
        raise BadValue("has no rules: add [[in]] or [[out]] tables, as docs/dialects.md shows")
    return dialect


def _only(table: dict[str, Any], keys: tuple[str, ...], what: str) -> None:
    unknown = [key for key in table if key not in keys]
    if unknown:
        raise BadValue(f"{what} has no key {unknown[0]!r}; there are {' '.join(keys)}")


def _missing(key: str, what: str) -> Any:
    raise BadValue(f"{key} is missing: {what}")


def _take(table: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = table.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        word = {"str": "a string", "int": "a whole number", "list": "a list", "dict": "a table"}
        raise BadValue(f"{key} is {word[kind.__name__]}, not {value!r}")
    return value


def _port(table: dict[str, Any]) -> int | None:
    if "listen" not in table:
        return None
    port: int = _take(table, "listen", int, 0)
    if not 0 <= port <= 65535:
        raise BadValue(f"listen {port} is out of range 0..65535")
    return port


def _seconds(table: dict[str, Any]) -> float:
    seconds = table.get("hello_s", Dialect.__dataclass_fields__["hello_s"].default)
    low, high = _HELLO_S
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise BadValue(f"hello_s is a number of seconds, not {seconds!r}")
    if not low <= seconds <= high:
        raise BadValue(f"hello_s {seconds} is out of range {low:g}..{high:g}")
    return float(seconds)


def _messages(table: dict[str, Any], key: str) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    messages = []
    for message in _take(table, key, list, []):
        if not isinstance(message, list) or not message:
            raise BadValue(f'{key} holds messages like ["/address", 1, 2], not {message!r}')
        messages.append((_address(message[0], key), tuple(_plain(v, key) for v in message[1:])))
    return tuple(messages)


def _plain(value: Any, where: str) -> int | float | str:
    if not isinstance(value, int | float | str):
        raise BadValue(f"{where}: {value!r} is neither a number nor a string nor a switch")
    return value


def _rules(table: dict[str, Any], key: str, check: Callable[[Rule], None]) -> tuple[Rule, ...]:
    rules = []
    for number, entry in enumerate(_take(table, key, list, []), 1):
        where = f"[[{key}]] number {number}"
        try:
            if not isinstance(entry, dict):
                raise BadValue(f"is a table, not {entry!r}")
            where += f" ({entry.get('address', 'no address')})"
            rules.append(_rule(entry))
            check(rules[-1])
        except BadValue as error:
            raise BadValue(f"{where}: {error}") from None
    return tuple(rules)


def _rule(entry: dict[str, Any]) -> Rule:
    _only(entry, RULE_KEYS, "a rule")
    address = _address(entry.get("address") or _missing("address", "which messages"), "address")
    takes = tuple(_name(name) for name in _take(entry, "takes", list, []))
    names = (*places(address), *takes)
    if len(set(names)) < len(names):
        raise BadValue(f"each of {' '.join(names)} needs a name of its own")
    to = _take(entry, "to", str, "")
    rule = Rule(
        address,
        takes,
        {n: _condition(n, v) for n, v in _named(entry, "when", names)},
        {n: _scale(n, v) for n, v in _named(entry, "scale", names)},
        _address(to, "to") if to else "",
        tuple(_argument(value, names) for value in _take(entry, "args", list, [])),
        _switch(entry, "changes"),
    )
    _places_known(rule, names)
    return rule


def _switch(entry: dict[str, Any], key: str) -> bool:
    value = entry.get(key, False)
    if not isinstance(value, bool):
        raise BadValue(f"{key} is true or false, not {value!r}")
    return value


def _places_known(rule: Rule, names: tuple[str, ...]) -> None:
    if rule.args and not rule.to:
        raise BadValue("has args, but no `to` that they go to")
    for name in places(rule.to):
        if name not in names:
            raise BadValue(f"to has the place {{{name}}}, {_known(names)}")
    if "*" in rule.to:
        raise BadValue(f"to {rule.to!r} is one address, without *")


def _known(names: tuple[str, ...]) -> str:
    return f"but address and takes name {' '.join(names) or 'nothing'}"


def _address(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value.startswith("/") or value.endswith("/"):
        raise BadValue(f"{key}: {value!r} is no OSC address, which begins with / and a word")
    if "*" in value[:-1] or (value.endswith("*") and not value.endswith("/*")):
        raise BadValue(f"{key}: in {value!r} only the whole last part may be *")
    left = _ARGUMENT.sub("", value)
    if "{" in left or "}" in left or " " in value or not value.isascii():
        raise BadValue(f"{key}: {value!r} is plain ASCII with places like {{n}}")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise BadValue(f'takes names its arguments in order, like ["x"], not {value!r}')
    return value


def _named(entry: dict[str, Any], key: str, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    table: dict[str, Any] = _take(entry, key, dict, {})
    for name in table:
        if name not in names:
            raise BadValue(f"{key} speaks of {name!r}, {_known(names)}")
    return list(table.items())


def _condition(name: str, value: Any) -> Condition:
    if isinstance(value, list):
        low, high = _numbers(f"when {name}", value, 2)
        if low > high:
            raise BadValue(f"when {name} = {value}: the lower number comes first")
        return Within(low, high)
    if isinstance(value, str) and value.startswith(REGEX):
        try:
            return Like(re.compile(value.removeprefix(REGEX)))
        except re.error as error:
            raise BadValue(f"when {name}: {value!r} is no regular expression: {error}") from None
    return Equals(_plain(value, f"when {name}"))


def _scale(name: str, value: Any) -> Scale:
    if not isinstance(value, list):
        raise BadValue(f"scale {name} is [from, to, becomes, and], not {value!r}")
    a, b, c, d = _numbers(f"scale {name}", value, 4)
    if a == b:
        raise BadValue(f"scale {name} = {value}: the first two numbers must differ")
    return Scale(a, b, c, d, all(isinstance(number, int) for number in value))


def _numbers(what: str, values: list[Any], count: int) -> list[float]:
    if len(values) != count or not all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in values
    ):
        raise BadValue(f"{what} is {count} numbers in brackets, not {values!r}")
    return values


def _argument(value: Any, names: tuple[str, ...]) -> int | float | str | Place:
    place = _ARGUMENT.fullmatch(value) if isinstance(value, str) else None
    if place is None:
        return _plain(value, "args")
    if place[1] not in names:
        raise BadValue(f"args has the place {{{place[1]}}}, {_known(names)}")
    return Place(place[1])

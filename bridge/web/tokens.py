"""The token: what lets in whoever reaches the server from beyond this machine.

It comes with the address of a page (`?token=`), or in a cookie that the first answer to such a
request sets: a page's own files are asked for without it. The cookie holds not the token but what
is made of it, so that any token will do as one, and is told to no other site (SameSite) and no
script (HttpOnly).

Threading: the server's loop; the functions from any thread.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from bridge.web.limits import Guesses
from engine.errors import BadValue

if TYPE_CHECKING:
    from starlette.types import Scope

NAME = "token"
_WORD = re.compile(r"[A-Za-z0-9._~-]{8,128}")
"""What stands in an address as it is, and takes a while to guess."""


def draw() -> str:
    """A token of 128 bits: 22 letters, few enough for a small QR code. None looks like an option
    to whoever types it after `--token`."""
    return secrets.token_urlsafe(16).replace("-", "_")


def checked(token: str) -> str:
    """`token`, as a user gave it. Raises BadValue, which does not say it."""
    if not _WORD.fullmatch(token):
        raise BadValue(
            f"a --token of {len(token)} characters: it takes 8..128 of A-Z a-z 0-9 . _ ~ -;"
            " leave it out to have one drawn"
        )
    return token


def without_token(query: str) -> str:
    """A query string as it was before the token was put on it."""
    return "&".join(part for part in query.split("&") if part.partition("=")[0] != NAME)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Of a request: a status and one plain sentence."""

    status: int
    words: str


class Door:
    """Knows who brings the token. Servers of one machine share its cookies, so that of the one at
    `port` has the number in its name."""

    def __init__(self, token: str, port: int, guesses: Guesses | None = None) -> None:
        self._token = _made_of(token)
        self._cookie = f"sideman-{port}"
        self._guesses = guesses or Guesses()

    def refusal(self, scope: Scope) -> Refusal | None:
        """Why this may not come in; None: it may."""
        address = (scope.get("client") or ("", 0))[0]
        brought = self._in_query(scope) + self._in_cookies(scope)
        if not brought:
            return Refusal(401, "this takes the token: open the link that `sideman serve` printed")
        wait_s = self._guesses.wait_s(address)
        if wait_s:
            return Refusal(429, f"too many wrong tokens: try again in {wait_s:.0f} s")
        if any(hmac.compare_digest(each, self._token) for each in brought):
            return None
        for each in brought:
            self._guesses.wrong(address, each)
        return Refusal(
            403, "the token is wrong or of an earlier start: open the link that was printed last"
        )

    def cookie(self, scope: Scope) -> bytes | None:
        """A Set-Cookie for whoever came in without one."""
        if self._token in self._in_cookies(scope):
            return None
        text = f"{self._cookie}={self._token.decode()}; Path=/; HttpOnly; SameSite=Strict"
        return text.encode()

    def _in_query(self, scope: Scope) -> list[bytes]:
        query = scope["query_string"].decode("latin-1")
        try:
            return [_made_of(each) for each in parse_qs(query, max_num_fields=64).get(NAME, ())]
        except ValueError:  # too many fields
            return []

    def _in_cookies(self, scope: Scope) -> list[bytes]:
        lines = [value for key, value in scope["headers"] if key.lower() == b"cookie"]
        parts = (part.strip().partition(b"=") for line in lines for part in line.split(b";"))
        return [value for name, _, value in parts if name == self._cookie.encode()][:4]


def _made_of(token: str) -> bytes:
    """Of one length for all, so that comparing takes the same time for all."""
    return hashlib.sha256(b"sideman " + token.encode(errors="replace")).hexdigest().encode()

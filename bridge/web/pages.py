"""The console: a page of our own files, and nothing from elsewhere.

Threading: the server's loop.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from bridge.web.tokens import without_token

FOLDER = Path(__file__).parent / "page"
HOME = "/console/"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; media-src 'self' blob:; worker-src 'self'; manifest-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Files(StaticFiles):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await super().__call__(scope, receive, send)
        else:  # there is no socket here
            await PlainTextResponse("there is no such socket\n", 404)(scope, receive, send)

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["content-security-policy"] = POLICY
        answer.headers["cache-control"] = "no-cache"
        return answer


def console_routes() -> list[BaseRoute]:
    # Windows knows these types from its registry, where other programs change them.
    mimetypes.add_type("text/javascript", ".js")
    mimetypes.add_type("text/css", ".css")
    mimetypes.add_type("image/svg+xml", ".svg")
    bare = Route(HOME.rstrip("/"), home)
    return [bare, Mount(HOME.rstrip("/"), _Files(directory=FOLDER, html=True))]


async def home(request: Request) -> Response:
    """To the page, with the query (the token) that came along."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(HOME + query)


def wants_page(request: Request) -> bool:
    """Whether it is a browser that asks for `/`, and not an OSCQuery client."""
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and not _asks(request) and "text/html" in accepted


def _asks(request: Request) -> bool:
    """Whether an attribute is asked for; a token is none."""
    return bool(without_token(request.url.query))

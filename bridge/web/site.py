"""The pages and endpoints of the server: OSCQuery's JSON at every path, its socket at the root.

Threading: the server's loop.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from bridge.web.clips import ClipPages
from bridge.web.listen import Broadcast
from bridge.web.listening import Desk
from bridge.web.looking import Looking
from bridge.web.pages import console_routes, home, wants_page
from bridge.web.security import Guard, is_loopback, own_names
from bridge.web.studio import Studio
from bridge.web.tokens import Door, without_token
from bridge.web.tree import Node, host_info
from engine.errors import BadValue

Ports = Callable[[str], tuple[tuple[str, int], tuple[str, int]]]
"""Where OSC and HTTP are reached, by one who reaches this machine at that IP address."""


def make_site(
    desk: Desk, studio: Studio, host: str, ip: str, ports: Ports, door: Door | None
) -> ASGIApp:
    """The application of a server that was told to listen at `host`, which is `ip`."""

    async def query(request: Request) -> Response:
        if request.scope["path"] == "/" and wants_page(request):
            return await home(request)
        return answer(request)

    def answer(request: Request) -> Response:
        path = request.scope["path"]
        asked = without_token(request.scope["query_string"].decode("latin-1"))
        attribute = asked.partition("=")[0]
        if attribute == "HOST_INFO":
            served = request.scope["server"] or (ip, 0)
            return _json(host_info(*ports(served[0])))
        try:
            found = desk.tree.attribute(path, attribute) if attribute else desk.tree.node(path)
        except BadValue as error:
            return _json({"ERROR": str(error)}, 400)
        if found is None:
            return _json({"ERROR": f"there is no node {path[:80]}"}, 404)
        return _json(found) if found else Response(status_code=204)

    routes = [
        WebSocketRoute("/", desk.attend),
        WebSocketRoute("/console/look", Looking(studio.lookout).attend),
        WebSocketRoute("/console/listen", Broadcast(studio.ears, studio.rate).attend),
        *console_routes(),
        *ClipPages(studio.folder).routes(),
        Route("/{path:path}", query, methods=["GET"]),
    ]
    return Guard(Starlette(routes=routes), is_loopback(ip), own_names(host), door)


def _json(node: Node, status: int = 200) -> Response:
    text = json.dumps(node, allow_nan=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")

"""HTTP: the address space described for OSCQuery clients, and its WebSocket.

`service` puts it together and is all that the rest of the bridge imports; it is light. The web
stack itself (starlette, uvicorn) is imported by the server's own thread, while the engine starts.
"""

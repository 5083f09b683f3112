"""An application that tells who answers, once it has the whole request; for the server's tests."""

import os
from collections.abc import Mapping
from typing import Any

from tests.gateway.service_app import live


async def app(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    while (await receive()).get("more_body"):
        pass
    body = b"%d" % os.getpid()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

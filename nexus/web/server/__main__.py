"""The command: ``python -m nexus.web.server``."""

import argparse
import logging
import sys
from collections.abc import Sequence

from uvicorn.config import Config

from nexus.web.server.connection import Connection
from nexus.web.server.workers import Workers

PATIENCE = 20
"""Seconds for which requests may go on once the server was told to end."""
KEEP_ALIVE = 75
"""Seconds for which an unused connection stays open: longer than gateways keep one for their next request."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; 1 when the port is taken or no worker could start."""
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s", level=logging.WARNING)
    words = _parser().parse_args(arguments)
    config = Config(
        words.application,
        host=words.host,
        port=words.port,
        workers=words.workers,
        loop="uvloop",
        http=Connection,
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        # Its warnings are of what clients send: nobody outside shall fill the log.
        log_level="error",
        access_log=False,
        server_header=False,
        # Who is asking is for nexus.web.addresses to find out.
        proxy_headers=False,
        timeout_keep_alive=words.keep_alive,
        timeout_graceful_shutdown=words.patience,
        # A machine that is busy is no reason to kill a worker amid its requests.
        timeout_worker_healthcheck=30,
    )
    return Workers(config, most=words.connections, patience=words.patience).serve()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m nexus.web.server", description="Serve the shop over HTTP.")
    parser.add_argument("application", nargs="?", default="nexus.asgi:application", help="what answers (ASGI)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_port, default=8080)
    parser.add_argument("--workers", type=_at_least_one, default=1, help="processes that answer")
    parser.add_argument(
        "--connections", type=_at_least_one, default=1024, help="open connections of each; more wait outside"
    )
    parser.add_argument(
        "--keep-alive", type=_at_least_one, default=KEEP_ALIVE, help="seconds an unused connection stays open"
    )
    parser.add_argument(
        "--patience", type=_at_least_one, default=PATIENCE, help="seconds for requests under way at the end"
    )
    return parser


def _at_least_one(word: str) -> int:
    if not word.isdecimal() or not int(word):
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of at least 1")
    return int(word)


def _port(word: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{word!r} is not a port from 1 to 65535")
    return int(word)


if __name__ == "__main__":
    sys.exit(main())

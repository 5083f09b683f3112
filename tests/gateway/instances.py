"""Small HTTP servers that behave as told, on the event loop of a test: instances of a service, and registries."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from nexus.gateway.discovery import Fixed
from nexus.gateway.upstream.call import Asked, Caller, new_session
from nexus.gateway.upstream.service import Service

Behave = Callable[["Instance", str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Instance:
    """Answers every request by `behave`; `asked` lists what came."""

    behave: Behave
    asked: list[str] = field(default_factory=list)
    address: str = ""
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        await reader.readexactly(int(line.split(b":")[1]))
                self.asked.append(head.split(b"\r\n")[0].decode())
                await self.behave(self, self.asked[-1], writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def answering(status: int = 200, body: str = "well", headers: Iterable[str] = ()) -> Behave:
    """Answers so."""

    async def behave(_: Instance, __: str, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    return behave


async def hangs_up(_: Instance, __: str, writer: asyncio.StreamWriter) -> None:
    """Takes the request and is gone."""
    writer.close()


async def says_nothing(_: Instance, __: str, writer: asyncio.StreamWriter) -> None:
    """Takes the request and keeps the connection."""
    await asyncio.get_running_loop().create_future()


async def breaks_off(_: Instance, __: str, writer: asyncio.StreamWriter) -> None:
    """Promises more than it says."""
    writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nbegun")
    writer.close()


async def talks_nonsense(_: Instance, __: str, writer: asyncio.StreamWriter) -> None:
    """Answers what is no HTTP."""
    writer.write(bytes(range(256)) * 16)
    writer.close()


@asynccontextmanager
async def running(*behaviours: Behave) -> AsyncIterator[list[Instance]]:
    """Instances that listen on loopback."""
    async with AsyncExitStack() as stack:
        instances = []
        for behave in behaviours:
            instance = Instance(behave)
            server = await asyncio.start_server(instance.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            instance.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            instances.append(instance)
        yield instances


@asynccontextmanager
async def calling(*addresses: str, most: int = 512) -> AsyncIterator[tuple[Caller, Service]]:
    """A caller, and a service at these addresses."""
    session = new_session()
    service = Service("orders", Fixed(addresses), most=most)
    try:
        yield Caller(session), service
    finally:
        service.stop()
        await session.close()


def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def asked(method: str = "GET", *, within: float = 5.0, body: bytes = b"", hasty: bool = False, **headers: str) -> Asked:
    """A request to a service; ``idempotency_key="1"`` is a header."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    deadline = asyncio.get_running_loop().time() + within
    return Asked(method=method, target="/api/v1/orders", headers=named, body=body, deadline=deadline, is_hasty=hasty)


async def status_of(caller: Caller, service: Service, request: Asked) -> int:
    """The status of the answer, read to its end."""
    async with caller.asking(service, request) as answer:
        async for _ in answer.pieces():
            pass
        return answer.status

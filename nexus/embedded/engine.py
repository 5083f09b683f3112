"""What the three engines have in common."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from .unprivileged import Account


class Engine(ABC):
    """One engine in one directory: where its program and data are, how to start it, and how to ask whether it works."""

    title: ClassVar[str]
    name: ClassVar[str]
    variable: ClassVar[str]
    """The environment variable that carries its address; when that is set by the user, the engine is not started."""
    lock_name: ClassVar[str]
    """The file in the data directory where the engine itself writes its pid."""
    not_yet: ClassVar[tuple[type[Exception], ...]]
    """What :meth:`ask` raises while the engine is still on its way."""

    def __init__(self, *, var: Path, durable: bool) -> None:
        self.home = var / self.name
        self.durable = durable

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log.txt"

    @property
    def port_file(self) -> Path:
        return self.home / "port"

    @property
    def record(self) -> Path:
        """The file where we write which process we started."""
        return self.home / "process.json"

    @property
    def stop_signal(self) -> signal.Signals:
        """The signal on which the engine shuts down at once and in order."""
        return signal.SIGTERM

    def account(self) -> Account:
        """Return the user the engine runs as."""
        return Account()

    def prepare(self) -> None:
        """Make the data directory ready for a start, whatever state an earlier run left it in."""
        self.data.mkdir(parents=True, exist_ok=True)

    def will_start_later(self) -> bool:
        """Tell whether the engine, which just ended, says in its log that it was only a little early."""
        return False

    @abstractmethod
    def program(self) -> Path:
        """:raises EngineUnavailable: there is none for this machine"""

    @abstractmethod
    def command(self, *, port: int) -> list[str]:
        """Return the command that runs the engine in the foreground, logging to its standard output."""

    @abstractmethod
    def ask(self, *, port: int) -> int:
        """
        Put a real question to whatever listens on the port and return the pid it says it has.

        :raises Exception: one of :attr:`not_yet`
        """

    @abstractmethod
    def url(self, *, port: int) -> str:
        """Return the address that belongs into :attr:`variable`."""

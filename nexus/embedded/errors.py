"""What can go wrong, said in sentences fit for the terminal."""

from pathlib import Path

_TAIL_LINES = 15


class EmbeddedError(Exception):
    """Its text is meant for the person who started the command."""


class EngineUnavailable(EmbeddedError):
    """The engine cannot run on this machine; the text names the variable to set instead."""

    @classmethod
    def because(cls, *, title: str, reason: str, variable: str) -> "EngineUnavailable":
        return cls(f"{title} cannot start here because {reason}; set {variable} to use a server of your own instead.")


class EngineDidNotStart(EmbeddedError):
    """The engine was started but gave no answer; the text quotes the end of its log."""

    @classmethod
    def because(cls, *, title: str, reason: str, log: Path) -> "EngineDidNotStart":
        return cls(f"{title} {reason}. The end of {log}:\n{tail(path=log)}")


class AlreadyStarted(EmbeddedError):
    """Another process holds the directory."""


class PortTaken(EmbeddedError):
    """The port wanted for the shop is in use."""


def tail(*, path: Path) -> str:
    """Return the last lines of a text file, indented; a word about it when there is nothing to show."""
    try:
        lines = path.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines or ["(nothing was written)"])

"""The shop in one process that journeys use, to be set back to what it was."""

from tests.journeys.trading import _indexed, traded

__all__ = ["_indexed", "traded"]

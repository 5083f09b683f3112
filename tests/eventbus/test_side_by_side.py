"""One store that gives no answer keeps no other waiting."""

import threading
import time

import pytest

from nexus.eventbus import side_by_side
from nexus.eventbus.side_by_side import ask_all


class TestAskAll:
    def test_has_each_answer_or_why_there_is_none(self) -> None:
        def away() -> int:
            raise ConnectionError("away")

        found = ask_all({"there": lambda: 7, "away": away})

        assert found["there"] == 7
        assert isinstance(found["away"], ConnectionError)

    def test_gives_up_whoever_is_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(side_by_side, "WITHIN", 0.2)
        spoken = threading.Event()
        began = time.monotonic()

        found = ask_all({"silent": lambda: spoken.wait(30), "there": lambda: True})

        spoken.set()
        assert time.monotonic() - began < 10
        assert isinstance(found["silent"], TimeoutError)
        assert found["there"] is True

    def test_asks_nobody_when_there_is_nobody(self) -> None:
        assert ask_all({}) == {}

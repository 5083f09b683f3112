"""Who of a group answers Prometheus."""

from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.conf import settings

from nexus.telemetry import exposition
from nexus.telemetry.exposition import serve, serve_if_asked
from nexus.telemetry.processes import FOLDER
from tests.eventually import eventually
from tests.ports import free_port


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return b"http_server_request_duration_seconds" in answer.read()
    except (URLError, ConnectionError):
        return False


class TestThePort:
    @pytest.fixture
    def port(self, monkeypatch: pytest.MonkeyPatch) -> int:
        port = free_port()
        monkeypatch.setattr(settings, "METRICS_PORT", port)
        monkeypatch.setattr(exposition, "EVERY", 0.05)
        return port

    def test_goes_to_another_of_the_group_when_one_ends(
        self, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(FOLDER, str(tmp_path))
        stop = serve(port, address="127.0.0.1")
        serve_if_asked()
        monkeypatch.setenv(FOLDER, "")
        assert answers(port)

        stop()

        eventually(lambda: answers(port))

    def test_is_not_waited_for_by_who_counts_alone(
        self, port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.delenv(FOLDER, raising=False)
        stop = serve(port, address="127.0.0.1")

        serve_if_asked()
        stop()

        assert f"no metrics on port {port}" in caplog.text
        assert not answers(port)

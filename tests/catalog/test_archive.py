"""The log in MongoDB, copied into files as those in Postgres are."""

from pathlib import Path

import pytest

from nexus.catalog import services
from nexus.catalog.models.connection import store
from nexus.eventbus import archive as archives
from nexus.eventbus.archive import archive, check
from nexus.eventbus.registry import members
from tests.catalog.conftest import a_lamp, a_variant


def test_the_log_in_mongodb_is_archived_whole_and_once(
    catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST", 7)
    services.add_products([a_lamp(slug=f"lamp-{at}", variants=(a_variant(f"LAMP-{at}"),)) for at in range(10)])
    told = sum(1 for _ in store.all_streams())

    first = list(archive(members["catalog"], tmp_path))

    assert sum(file.events for file in first) == told
    assert len(first) == -(-told // 7)
    assert list(archive(members["catalog"], tmp_path)) == []
    assert list(check(tmp_path)) == first

from pathlib import Path

import pytest

from tests.deploy.compose_rules import PROFILES
from tests.deploy.tools import COMPOSE_FILE, Config, render


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """docker-compose.yml as Compose understands it, with every profile, and nobody's .env beside it."""
    return render(COMPOSE_FILE, folder=tmp_path_factory.mktemp("project"), profiles=PROFILES)


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A folder for a copy with something wrong in it."""
    return tmp_path

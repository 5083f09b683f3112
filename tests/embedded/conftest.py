"""What the tests of the engines share: directories open to every user, owners in processes of their own, and an end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nexus.embedded.launcher import ENGINES
from nexus.embedded.process import stop_leftovers
from nexus.embedded.wheels import VARIABLES
from tests.ports import free_port

from .owner import REPOSITORY, Owner


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run of these tests may itself have engines behind it, and settings of its own."""
    for name in (*VARIABLES, "NEXUS_VAR", "NEXUS_PORT", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


@pytest.fixture
def var() -> Iterator[Path]:
    """A directory that every user may enter, as one in a checkout usually is."""
    folder = Path(tempfile.mkdtemp(prefix="nexus-embedded-")).resolve()
    folder.chmod(0o755)
    yield folder
    for inside in (folder, *folder.glob("throwaway/*"), *folder.glob("var/test/*")):
        for kind in ENGINES:
            stop_leftovers(engine=kind(var=inside, durable=False), announce=print)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own() -> Iterator[Callable[..., Owner]]:
    """Starts owners; those still there at the end are killed, and the directory's own end does the rest."""
    owners: list[Owner] = []

    def start(var: Path, *options: str) -> Owner:
        owners.append(Owner(var, *options))
        return owners[-1]

    yield start
    for owner in owners:
        owner.kill()
        for stream in (owner.process.stdin, owner.process.stdout, owner.process.stderr):
            stream.close()


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with engines, of the user PostgreSQL runs as."""
    user = {"user": "nobody", "group": None, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(["sleep", "300"], cwd="/", **user)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def port() -> int:
    return free_port()

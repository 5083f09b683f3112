"""`make secrets` makes exactly what the compose file mounts, in the form that each reader wants."""

import base64
import re
import runpy
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.deploy.tools import REPOSITORY, Config

SCRIPT: dict[str, Any] = runpy.run_path(str(REPOSITORY / "deploy" / "compose" / "make_secrets.py"))
make: Callable[[Path], list[str]] = SCRIPT["make"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


class TestMakeSecrets:
    def test_makes_what_the_compose_file_names(self, config: Config, folder: Path) -> None:
        assert set(make(folder)) == set(config["secrets"])
        assert {file.name for file in folder.iterdir()} == set(config["secrets"])

    def test_leaves_alone_what_is_there(self, folder: Path) -> None:
        make(folder)
        kept = (folder / "redis_password").read_text()
        (folder / "broker_password").unlink()

        assert make(folder) == ["broker_password"]
        assert (folder / "redis_password").read_text() == kept

    def test_closes_the_folder_and_lets_the_containers_users_read_the_files(self, folder: Path) -> None:
        make(folder)

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}

    def test_makes_passwords_that_nobody_has_to_quote(self, folder: Path) -> None:
        passwords = [(folder / name).read_text().strip() for name in make(folder) if name.endswith("_password")]

        assert len(passwords) == len(set(passwords)) == 13
        assert all(re.fullmatch(r"[\w-]{43}", password) for password in passwords)

    def test_makes_a_signing_key_and_a_key_for_the_replica_set(self, folder: Path) -> None:
        make(folder)
        keyfile = (folder / "mongo_keyfile").read_text().strip()

        assert load_pem_private_key((folder / "signing_key").read_bytes(), password=None)
        assert 6 <= len(keyfile) <= 1024
        assert base64.b64decode(keyfile, validate=True)

    def test_is_kept_out_of_the_repository(self) -> None:
        ignored = {line.strip("/") for line in (REPOSITORY / ".gitignore").read_text().splitlines()}

        assert {"secrets", ".env"} <= ignored

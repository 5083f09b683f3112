"""The Dockerfile is clean, and only what belongs into the image enters its build."""

import re
import shlex
from pathlib import Path

import pytest

from tests.deploy.compose_rules import is_exact
from tests.deploy.tools import DOCKERFILE, REPOSITORY, hadolint, instructions


class TestTheDockerfile:
    def test_passes_hadolint(self) -> None:
        done = hadolint(DOCKERFILE)

        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize(
        "line", ["RUN apt-get install curl", "RUN cd /tmp && sudo ls", "FROM python:latest", "CMD python x"]
    )
    def test_would_not_pass_with_a_planted_violation(self, planted: Path, line: str) -> None:
        (planted / "Dockerfile").write_text(f"{DOCKERFILE.read_text()}\n{line}\n")

        assert hadolint(planted / "Dockerfile").returncode != 0

    def test_ignores_no_rule_of_hadolint(self) -> None:
        assert "hadolint ignore" not in DOCKERFILE.read_text()
        assert not list(REPOSITORY.glob(".hadolint*"))

    def test_builds_and_runs_on_the_same_exact_python(self) -> None:
        images = {line.split()[0] for line in instructions("FROM")}

        assert len(images) == 1
        assert all(is_exact(image) for image in images)

    def test_installs_only_what_is_locked(self) -> None:
        (install,) = [line for line in instructions("RUN") if "pip" in shlex.split(line)]

        assert {"--require-hashes", "--only-binary=:all:"} <= set(shlex.split(install))

    def test_ends_as_a_user_without_rights(self) -> None:
        assert instructions("USER") == ["10001:10001"]

    def test_shows_the_port_that_is_served(self) -> None:
        assert instructions("EXPOSE") == ["8080"]


class TestTheBuild:
    @pytest.mark.parametrize(
        "path",
        [
            "secrets/secret_key",
            ".env",
            ".git/config",
            ".venv/bin/python",
            "var/secrets/nexus_secret_key",
            "tests/conftest.py",
            "deploy/compose/make_secrets.py",
            "nexus/__pycache__/wsgi.cpython-311.pyc",
            "nexus/orders/__pycache__/models.cpython-311.pyc",
        ],
    )
    def test_does_not_see(self, path: str) -> None:
        assert not enters(path)

    def test_sees_everything_that_the_dockerfile_copies(self) -> None:
        sources = [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]

        assert sources
        for source in sources:
            assert (REPOSITORY / source).exists()
            assert enters(source.rstrip("/"))

    def test_sees_the_health_check_and_the_apps(self) -> None:
        assert enters("deploy/image/connected.py")
        assert enters("nexus/orders/models.py")


def enters(path: str) -> bool:
    """Whether .dockerignore lets a path into the build: the last pattern that fits it, or a folder of it, decides."""
    parts = path.split("/")
    names = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    allowed = True
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = _expression(line.removeprefix("!"))
            allowed = line.startswith("!") if any(map(pattern.fullmatch, names)) else allowed
    return allowed


def _expression(pattern: str) -> re.Pattern[str]:
    words = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*)", pattern)))

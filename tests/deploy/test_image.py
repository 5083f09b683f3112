"""An image of one app has what that app needs and nothing of the others, and the Dockerfile's steps make it."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.image import ALONE, BESIDE, build, environment, files
from tests.deploy.tools import REPOSITORY

MAKER: dict[str, Any] = runpy.run_path(str(BESIDE / "make_requirements.py"))
APPS = ALONE["APPS"]
LOCKED = (REPOSITORY / "requirements.txt").read_text()


def listed(app: str) -> set[str]:
    return set((BESIDE / "requirements" / f"{app}.txt").read_text().split())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what images are made of, to be spoilt."""
    for name in ("nexus", "deploy/image"):
        shutil.copytree(REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("manage.py", "requirements.txt"):
        shutil.copy2(REPOSITORY / name, tmp_path / name)
    return tmp_path


class TestTheFiles:
    @pytest.mark.parametrize("app", APPS)
    def test_are_nothing_of_another_app(self, app: str, tmp_path: Path) -> None:
        """That they are enough, tests/architecture/test_extraction.py shows with the same files."""
        ALONE["copy_tree"](app=app, root=REPOSITORY, home=tmp_path)

        others = {f"nexus/{other}/" for other in APPS if other != app}
        assert f"nexus/{app}/apps.py" in files(tmp_path)
        assert not {name for name in files(tmp_path) if any(name.startswith(other) for other in others)}

    def test_are_all_for_the_monolith(self, tmp_path: Path) -> None:
        ALONE["copy_tree"](app="monolith", root=REPOSITORY, home=tmp_path)

        assert files(tmp_path / "nexus") == files(REPOSITORY / "nexus")
        assert (tmp_path / "manage.py").exists()


class TestTheRequirements:
    @pytest.mark.parametrize("app", APPS)
    def test_are_what_the_app_imports(self, app: str) -> None:
        assert listed(app) == MAKER["needed"](app=app), "run deploy/image/make_requirements.py"

    def test_leave_out_what_only_others_import(self) -> None:
        whose = {
            name: {app for app in APPS if name in listed(app)}
            for name in ("aiohttp", "argon2-cffi", "django-oauth-toolkit", "mongoengine", "psycopg-binary")
        }

        assert whose == {
            "aiohttp": {"gateway"},
            "argon2-cffi": {"accounts"},
            "django-oauth-toolkit": {"accounts"},
            "mongoengine": {"catalog"},
            "psycopg-binary": set(APPS),
        }

    def test_would_be_others_if_a_function_began_to_import(self, project: Path) -> None:
        with (project / "nexus" / "orders" / "services" / "__init__.py").open("a") as file:
            file.write("\ndef later():\n    import mongoengine.fields\n")

        assert MAKER["needed"](app="orders", root=project) - listed("orders") == {"mongoengine"}

    def test_are_installed_as_they_are_locked(self) -> None:
        chosen = ALONE["chosen_requirements"](app="orders", root=REPOSITORY)

        blocks = dict(ALONE["_blocks"](chosen))
        assert blocks.keys() == listed("orders")
        assert all(text in LOCKED and "--hash=sha256:" in text for text in blocks.values())
        assert ALONE["chosen_requirements"](app="monolith", root=REPOSITORY) == LOCKED

    def test_must_be_locked(self, project: Path) -> None:
        with (project / "deploy" / "image" / "requirements" / "orders.txt").open("a") as file:
            file.write("coffee\n")

        with pytest.raises(LookupError, match="coffee"):
            ALONE["chosen_requirements"](app="orders", root=project)


class TestTheDockerfile:
    def test_makes_the_monolith_unless_told_otherwise(self) -> None:
        text = (REPOSITORY / "Dockerfile").read_text()

        assert text.count("ARG APP=monolith\n") == text.count("\nARG ") == 2

    def test_makes_no_image_of_an_app_that_there_is_not(self) -> None:
        done = subprocess.run([sys.executable, BESIDE / "alone.py", "tree", "kitchen", "/x"], capture_output=True)

        assert done.returncode == 2
        assert b"accounts, catalog, gateway, inventory, monolith, orders" in done.stderr

    def test_makes_an_image_in_which_the_app_begins(self, tmp_path: Path) -> None:
        # Orders in test_alone.py, all of them by `python -m tests.deploy.image`.
        home = build(app="gateway", folder=tmp_path)

        assert (home / "static").is_dir()
        assert not (tmp_path / "made-up").exists()

    def test_makes_one_in_which_an_app_does_not_begin_whose_package_is_not_listed(self, tmp_path: Path) -> None:
        told = environment("orders", tmp_path)

        done = subprocess.run(["python", "-c", "import mongoengine"], env=told, capture_output=True, check=False)

        assert b"the image has no mongoengine" in done.stderr

"""Every app leaves with the shelf and its tests alone, and an app that cannot is caught."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.extraction import ROOT
from tests.architecture.extraction_engines import MONGO, POSTGRES, REDIS, renamed
from tests.architecture.extraction_steps import STEPS, wrong_paths
from tests.architecture.hidden_rules import APPS

pytestmark = pytest.mark.timeout(1500)


def extract(app: str, *more: str, tree: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Take the app out of the project at ``tree``, as the command line does."""
    command = [sys.executable, "-m", "tests.architecture.extraction", app, *more]
    return subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to be spoilt; of the apps' tests, those of orders."""
    tree, pyc = tmp_path / "project", shutil.ignore_patterns("__pycache__")
    for folder in ("nexus", "deploy/image", "tests/architecture", "tests/orders"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=pyc)
    for file in ("manage.py", "pyproject.toml", "tests/__init__.py", "tests/conftest.py"):
        shutil.copy2(ROOT / file, tree / file)
    return tree


@pytest.fixture
def spoil(project: Path) -> Callable[[str, str], Path]:
    """Puts code at the end of a file of the copy."""

    def at_the_end(file: str, code: str) -> Path:
        with (project / file).open("a") as target:
            target.write(f"\n{code}\n")
        return project

    return at_the_end


class TestAnApp:
    @pytest.mark.parametrize("app", APPS)
    def test_can_leave(self, app):
        done = extract(app)

        assert done.returncode == 0, done.stdout
        assert all(f"ok      {title}: " in done.stdout for title in STEPS)

    def test_cannot_leave_when_it_imports_another(self, spoil):
        tree = spoil("nexus/orders/selectors/orders.py", "from nexus.inventory import selectors as stock")

        done = extract("orders", tree=tree)

        assert done.returncode == 1
        assert "No module named 'nexus.inventory'" in done.stdout
        assert "orders cannot leave" in done.stdout

    def test_cannot_leave_when_its_web_process_needs_another(self, spoil):
        tree = spoil("nexus/asgi.py", "from nexus.inventory import selectors as stock")

        done = extract("orders", tree=tree)

        assert done.returncode == 1
        assert "FAILED  the web process answers" in done.stdout

    def test_cannot_leave_when_a_migration_is_missing(self, spoil):
        tree = spoil("nexus/orders/models.py", "class Forgotten(models.Model):\n    name = models.TextField()")

        done = extract("orders", tree=tree)

        assert done.returncode == 1
        assert "FAILED  manage.py makemigrations --check" in done.stdout

    @pytest.mark.parametrize("emptied", [True, False], ids=["tests are gone", "folder is gone"])
    def test_cannot_leave_when_its(self, project, emptied):
        shutil.rmtree(project / "tests" / "orders")
        if emptied:
            (project / "tests" / "orders").mkdir()

        done = extract("orders", tree=project)

        assert done.returncode == 1
        assert "an app that leaves takes its tests along" in done.stdout

    def test_cannot_leave_when_a_test_fails(self, spoil, project):
        shutil.rmtree(project / "tests" / "orders")
        (project / "tests" / "orders").mkdir()
        tree = spoil("tests/orders/test_sums.py", "def test_sum():\n    assert 1 + 1 == 3")

        done = extract("orders", tree=tree)

        assert done.returncode == 1
        assert "FAILED  its own tests pass" in done.stdout

    def test_stays_in_the_directory_that_is_to_be_kept(self, spoil, tmp_path):
        tree = spoil("nexus/orders/selectors/orders.py", "from nexus.inventory import selectors as stock")

        extract("orders", "--keep", str(tmp_path / "orders"), tree=tree)

        packages = {path.name for path in (tmp_path / "orders" / "nexus").iterdir() if path.is_dir()}
        assert packages - {"__pycache__"} == {
            "contracts",
            "embedded",
            "eventbus",
            "orders",
            "settings",
            "telemetry",
            "web",
        }

    def test_is_not_put_into_a_directory_with_other_things(self, tmp_path):
        (tmp_path / "letter").write_text("dear reader")

        done = extract("orders", "--keep", str(tmp_path))

        assert done.returncode == 2
        assert list(tmp_path.iterdir()) == [tmp_path / "letter"]


class TestThePathsOfAnApi:
    def test_may_all_be_the_apps_own(self):
        assert wrong_paths(app="orders", paths=["/api/v1/orders", "/api/v1/orders/{order_id}"]) == ""

    def test_must_not_be_anothers(self):
        said = wrong_paths(app="orders", paths=["/api/v1/orders", "/api/v1/inventory/stock"])

        assert said == "the API lists paths that are not of orders: /api/v1/inventory/stock"

    def test_must_not_be_missing(self):
        assert wrong_paths(app="orders", paths=[]) == "the API lists nothing under /api/v1/orders"

    def test_are_none_at_the_gateway(self):
        assert wrong_paths(app="gateway", paths=[]) == ""
        assert "/api/v1/orders" in wrong_paths(app="gateway", paths=["/api/v1/orders"])


class TestTheEnginesOfAnExtractedApp:
    def test_hold_databases_of_its_own(self):
        outer = {
            POSTGRES: "postgresql://nexus:secret@db:5432/nexus?sslmode=require",
            MONGO: "mongodb://db:27017/nexus_catalog?replicaSet=rs0",
            REDIS: "redis://db:6379/0",
        }

        mine = renamed(outer, app="orders", unique=7)

        assert mine == {
            POSTGRES: "postgresql://nexus:secret@db:5432/alone_7?sslmode=require",
            MONGO: "mongodb://db:27017/alone_7_orders?replicaSet=rs0",
            REDIS: "redis://db:6379/12",
        }

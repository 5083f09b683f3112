"""The pytest plugin, in a small project with pytest-django whose settings cannot be read without the addresses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.eventually import eventually

from .owner import recorded

FILES = {
    "pytest.ini": """
[pytest]
addopts = -p nexus.embedded.pytest_plugin -p no:cacheprovider
DJANGO_SETTINGS_MODULE = small_settings
""",
    "small_settings.py": """
import os
POSTGRES = os.environ["NEXUS_POSTGRES_URL"]
MONGO = os.environ["NEXUS_MONGO_URL"]
REDIS = os.environ["NEXUS_REDIS_URL"]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "nexus",
    "HOST": "127.0.0.1", "PORT": POSTGRES.rpartition(":")[2].partition("/")[0],
}}
SECRET_KEY = "small"
INSTALLED_APPS = []
""",
    "test_small.py": """
import os, pathlib, sys
import pytest
@pytest.mark.django_db
def test_asks_the_engine():
    from django.db import connection
    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        assert cursor.fetchone() == ("off",)
def test_says_where_and_waits_for_its_turn():
    if "SAY" in os.environ:
        print("running", os.getpid(), flush=True)
        sys.stdin.readline()
""",
    "no_wheels.py": """
from nexus.embedded import wheels
wheels.find_spec = lambda name: None
""",
}


@pytest.fixture
def project(var: Path) -> Path:
    for name, text in FILES.items():
        (var / name).write_text(text.lstrip())
    return var


@pytest.fixture
def mongo_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the longest to start and to stop."""
    monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")


def words(*options: str) -> list[str]:
    return [sys.executable, "-m", "pytest", *options]


def start(project: Path) -> subprocess.Popen[str]:
    """Start a run that says its pid and then waits for a line."""
    return subprocess.Popen(
        words("-s", "-q"),
        cwd=project,
        env={**os.environ, "SAY": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def until_it_runs(run: subprocess.Popen[str]) -> Path:
    """Return the directory of the run's engines once its tests are running."""
    for line in run.stdout:
        if "running" in line:
            return Path("var/test") / line.split()[-1]
    pytest.fail("the run ended before its tests ran")


def do(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words(*options), cwd=project, capture_output=True, text=True, timeout=60, check=False)


class TestPlugin:
    def test_serves_simultaneous_runs_before_settings_are_read_and_leaves_nothing(self, project):
        with start(project) as one, start(project) as other:
            folders = [project / until_it_runs(run) for run in (one, other)]
            engines = [engine for folder in folders for engine in recorded(folder).values()]
            for run in (one, other):
                run.stdin.write("go on\n")
                run.stdin.close()
            said = [run.stdout.read() for run in (one, other)]

        assert [run.returncode for run in (one, other)] == [0, 0], said
        assert len(engines) == 6
        assert not any(engine.is_running() for engine in engines)
        assert not any(folder.exists() for folder in folders)

    def test_stops_the_engines_of_a_run_that_is_terminated(self, project, mongo_is_given):
        with start(project) as run:
            engines = recorded(project / until_it_runs(run)).values()

            run.terminate()
            run.stdout.read()

        assert run.returncode == pytest.ExitCode.INTERRUPTED
        assert len(engines) == 2
        assert not any(engine.is_running() for engine in engines)

    def test_stops_the_engines_when_the_settings_cannot_be_read(self, project, mongo_is_given):
        (project / "small_settings.py").write_text("import no_such_module")

        done = do(project)

        assert done.returncode != 0
        assert "no_such_module" in done.stdout + done.stderr
        assert eventually(lambda: list((project / "var/test").iterdir()) == [])

    @pytest.mark.parametrize("option", ["--help", "--version"])
    def test_starts_nothing_to_explain_pytest(self, option, project):
        done = do(project, option)

        assert done.returncode == 0
        assert not (project / "var").exists()

    def test_lets_tests_be_collected(self, project, mongo_is_given):
        done = do(project, "--collect-only", "-q")

        assert done.returncode == 0, done.stdout
        assert "test_asks_the_engine" in done.stdout

    def test_says_in_a_sentence_that_a_wheel_is_missing(self, project):
        done = do(project, "-p", "no_wheels")

        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert "cannot start here because the wheel" in done.stderr
        assert "Traceback" not in done.stderr

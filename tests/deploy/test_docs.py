"""What the pages for people name exists: variables, commands, targets, files."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from nexus.settings.environment import VARIABLES
from tests.deploy.tools import REPOSITORY

PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")])
SECRET_FILES = {f"{name}_FILE" for name, variable in VARIABLES.items() if variable.secret}
MAKE = re.compile(r"(?:^|`|\$ )make ([a-z-]+)(?=[\s`]|$)", re.MULTILINE)
MANAGE = re.compile(r"manage\.py ([a-z]+)")
VARIABLE = re.compile(r"\bNEXUS_[A-Z_]+[A-Z]\b")
MODULE = re.compile(r"python -m (tests\.[a-z_.]+|nexus\.[a-z_.]+|benchmarks)\b")
FENCED = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
KUBECTLS = {"deploy/relay"}
"""Kinds and names of a cluster's, which look like paths."""
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
CODE = re.compile(r"`((?:nexus|tests|docs|deploy|benchmarks)/[\w./-]+)`")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def missing_in(text: str, *, at: Path) -> Iterator[str]:
    """What a page names that is not there."""
    written = "\n".join(FENCED.findall(text))
    yield from (f"make {name}" for name in MAKE.findall(written) if name not in targets())
    yield from (f"manage.py {name}" for name in MANAGE.findall(text) if name not in get_commands())
    known = VARIABLES.keys() | SECRET_FILES
    yield from (name for name in VARIABLE.findall(text) if name not in known)
    yield from (name for name in MODULE.findall(text) if not _is_module(name))
    yield from (path for path in LINK.findall(text) if not (at.parent / path).exists())
    yield from (path for path in CODE.findall(text) if path not in KUBECTLS and not (REPOSITORY / path).exists())


def _is_module(name: str) -> bool:
    place = REPOSITORY / name.replace(".", "/")
    return place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_what_exists(page: Path) -> None:
    assert sorted(set(missing_in(page.read_text(), at=page))) == []


@pytest.mark.parametrize(
    "words",
    [
        "run `make coffee`",
        "`manage.py brew`",
        "set `NEXUS_COLOUR`",
        "python -m tests.coffee",
        "[gone](gone.md)",
        "see `nexus/gone.py`",
    ],
)
def test_a_page_that_names_what_does_not_is_found(words: str) -> None:
    assert len(list(missing_in(words, at=REPOSITORY / "docs" / "page.md"))) == 1

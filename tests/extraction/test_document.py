"""What the document says can be run: its steps are found, and every command in them exists and takes its words."""

import re
import shlex
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class

from nexus.embedded.__main__ import _parser
from nexus.settings.environment import VARIABLES
from tests.extraction.document import DOCUMENT, Step, steps, ways

TEXT = DOCUMENT.read_text()
VALUE = re.compile(r"\$\{?[A-Z_]+(?::-[^}]*)?\}?")
URL = "postgresql://nexus@127.0.0.1:5432/nexus"


def commands(program: str, code: str) -> Iterator[list[str]]:
    """The words after the program, of each line that calls it; a variable stands for an address."""
    for line in code.splitlines():
        if "() {" not in line and (found := re.search(rf"(?:^|[ (]){re.escape(program)} ([^)&>]*)", line)):
            yield shlex.split(VALUE.sub(URL, found[1].replace('"$APART_PORT"', "8091")))


class TestTheSteps:
    def test_go_both_ways(self) -> None:
        assert ways() == ["Out", "Back"]

    def test_are_numbered(self) -> None:
        numbers = [int(step.title.partition(".")[0]) for step in steps()]

        assert numbers == list(range(1, len(numbers) + 1))

    def test_are_all_the_commands_that_there_are(self) -> None:
        assert TEXT.count("```sh\n") == len(steps())
        assert TEXT.count("```") == 2 * len(steps())

    @pytest.mark.parametrize("step", steps(), ids=lambda step: step.title)
    def test_name_commands_that_take_these_words(self, step: Step) -> None:
        for name, *words in commands("manage", step.code):
            load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(words)
        for program in ("nexus", "-m nexus.embedded"):
            for words in commands(program, step.code):
                _parser().parse_args(words)

    def test_are_looked_at_word_by_word(self) -> None:
        found = [words for step in steps() for words in commands("manage", step.code)]

        assert ["move", "inventory", "--to", URL, "--switch"] in found
        assert ["apart", "inventory", "8091"] in [w for s in steps() for w in commands("-m nexus.embedded", s.code)]

    def test_name_settings_that_exist(self) -> None:
        named = set(re.findall(r"NEXUS_[A-Z_]+(?==)", "".join(step.code for step in steps())))

        assert named <= VARIABLES.keys()
        assert "NEXUS_POSTGRES_ELSEWHERE" in named

    def test_are_read_from_any_text(self) -> None:
        out = "# A\n\n## Out\n\nWords.\n\n### 1. First\n\nWhy.\n\n```sh\ntrue\n```\n"
        text = f"{out}\n## Back\n\n### 2. Then\n\n```sh\nfalse\n```\n"

        assert steps(text) == [
            Step(way="Out", title="1. First", code="true\n"),
            Step(way="Back", title="2. Then", code="false\n"),
        ]

"""The rules are valid, and every alert fires just beyond its bound and not beside it, and leads to help."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
import yaml

from tests.deploy.tools import REPOSITORY
from tests.observability import tools
from tests.observability.tools import SHIPPED, NotInstalled, promtool

RULES = sorted((SHIPPED / "rules").glob("*.yml"))
RUNBOOK = REPOSITORY / "docs" / "runbook.md"
BOUND = re.compile(r"(>=|==|>) (\d[\d.]*(?: \* [\d.]+)*)")
ABSENT = re.compile(r"absent\([^()]*\)")
PARTS_OF_HELP = ("**Means.**", "**Look.**", "**Do.**", "**Wake.**")


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in _groups() for rule in group["rules"] if "alert" in rule}


@cache
def _groups() -> list[dict[str, Any]]:
    return [group for file in RULES for group in yaml.safe_load(file.read_text())["groups"]]


def changes(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The alert with one thing wrong: a bound a quarter too high or a fifth too low, a wait too long or left out."""
    expression = rule["expr"]
    for found in BOUND.finditer(expression):
        how, number = found.groups()
        higher, lower = f"{how} 1.25 * {number}", f"{how} 0.8 * {number}"
        if how == "==":
            higher, lower = f"== {number} + 1", f"== {number} - 1"
        elif number == "0":
            higher, lower = "> 1", ">= 0"
        for instead in (higher, lower):
            yield rule | {"expr": expression[: found.start()] + instead + expression[found.end() :]}
    for found in ABSENT.finditer(expression):
        yield rule | {"expr": expression[: found.start()] + "(vector(0) > 0)" + expression[found.end() :]}
    if "for" in rule:
        yield rule | {"for": "0s"}
        yield rule | {"for": "1h"}


class Copy:
    """One alert alone with its tests and what it is computed from, so that something can be wrong with it."""

    def __init__(self, folder: Path, alert: str) -> None:
        (folder / "rules").mkdir()
        (folder / "tests").mkdir()
        if ":" in alerts()[alert]["expr"]:
            copy(SHIPPED / "rules" / "recording.yml", folder / "rules")
        (file,) = [file for file in RULES if f"alert: {alert}\n" in file.read_text()]
        self._file, self._alert = folder / "rules" / file.name, alert
        self.tests = []
        for file in (SHIPPED / "tests").glob("*.yml"):
            content = yaml.safe_load(file.read_text())
            if own := [test for test in content["tests"] if f'"{alert}"' in str(test["promql_expr_test"])]:
                self.tests.append(folder / "tests" / file.name)
                self.tests[-1].write_text(yaml.safe_dump(content | {"tests": own}))

    def deviations(self, rule: dict[str, Any]) -> int:
        """How many expectations are not met with this rule in place of the alert's own."""
        (group,) = [group for group in _groups() if any(each.get("alert") == self._alert for each in group["rules"])]
        self._file.write_text(yaml.safe_dump({"groups": [group | {"rules": [rule]}]}))
        done = promtool("test", "rules", *self.tests)
        assert "parse error" not in done.stderr + done.stdout
        return (done.stderr + done.stdout).count("got:")


def section(anchor: str) -> str:
    """A section of the runbook, by the anchor that its heading gets."""
    for part in re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        if heading.strip().lower().replace(" ", "-") == anchor:
            return text
    return ""


class TestTheRules:
    def test_are_valid_and_so_is_what_loads_them(self) -> None:
        done = promtool("check", "config", SHIPPED / "prometheus.yml")

        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(RULES)} rule files found" in done.stdout

    def test_do_what_their_tests_say(self) -> None:
        done = promtool("test", "rules", *sorted((SHIPPED / "tests").glob("*.yml")))

        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("name", alerts())
    def test_would_not_with_anything_about_this_alert_changed(self, name: str, tmp_path: Path) -> None:
        alone, right = Copy(tmp_path, name), alerts()[name]
        assert alone.tests

        assert alone.deviations(right) == 0
        unnoticed = [(wrong["expr"], wrong.get("for")) for wrong in changes(right) if not alone.deviations(wrong)]
        assert unnoticed == []


class TestAnAlert:
    @pytest.mark.parametrize("name", alerts())
    def test_says_how_urgent_it_is_and_leads_to_help(self, name: str) -> None:
        rule = alerts()[name]
        where, _, anchor = rule["annotations"]["runbook_url"].partition("#")

        assert rule["labels"]["severity"] in ("page", "ticket")
        assert {"summary", "description", "runbook_url"} == rule["annotations"].keys()
        assert (where, anchor) == ("docs/runbook.md", name.lower())
        assert [part for part in PARTS_OF_HELP if part not in section(anchor)] == []

    def test_is_not_explained_when_it_is_no_more(self) -> None:
        headings = re.findall(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)

        assert headings == list(alerts()), "the runbook has them in the order of the rules' files"


class TestPromtool:
    def test_that_is_nowhere_is_an_error_that_says_what_to_do(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tools, "FOLDER", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        tools.tool.cache_clear()

        with pytest.raises(NotInstalled, match="install"):
            tools.tool("promtool")

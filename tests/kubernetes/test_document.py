"""docs/kubernetes.md can be pasted: its example renders, and all that its commands name is there."""

import os
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from nexus.embedded.shapes import APPS
from tests.kubernetes.tools import (
    MANIFESTS,
    REPOSITORY,
    VERSIONS,
    Manifest,
    containers,
    of_kind,
    overlay,
    pods,
    render,
    titled,
    wrong_by_schema,
)

DOCUMENT = (REPOSITORY / "docs" / "kubernetes.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, flags=re.DOTALL)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """The document's own shop."""
    folder = tmp_path_factory.mktemp("shop")
    (example,) = blocks("yaml")
    way = os.path.relpath(MANIFESTS, folder.resolve())
    (folder / "kustomization.yaml").write_text(example.replace("../deploy/k8s", way))
    return render(folder)


class TestTheExample:
    def test_is_taken_by_kubernetes(self, shop: list[Manifest]) -> None:
        assert wrong_by_schema(shop, VERSIONS[-1]) == []

    def test_leaves_nothing_of_the_shop_that_we_made_up(self, shop: list[Manifest]) -> None:
        assert "example.com" not in repr(shop)

    def test_changes_every_process(self, shop: list[Manifest]) -> None:
        images = {each["image"] for name, template in pods(shop) if name != "valkey" for each in containers(template)}

        assert images == {f"registry.example.org/shop/nexus-{app}:0.1.0" for app in (*APPS, "gateway")}
        assert len(shop) == len(overlay("services"))


class TestTheCommands:
    def test_are_commands_of_ours(self) -> None:
        named = set(re.findall(r"manage\.py (\w+)", DOCUMENT))

        assert named
        assert named <= get_commands().keys()

    def test_name_processes_that_there_are(self) -> None:
        there = {titled(each) for name in ("monolith", "services") for each in of_kind(overlay(name), "Deployment")}
        named = {f"Deployment {name}" for name in re.findall(r"deploy/((?:web|staff|relay|worker)[\w-]*)", DOCUMENT)}

        assert named
        assert named <= there

    def test_name_files_that_there_are(self) -> None:
        named = set(
            re.findall(r"(?<![\w/.])(deploy/k8s[\w/.]*|overlays/\w+|components/\w+|parts/|stores/|engines/)", DOCUMENT)
        )
        places = [REPOSITORY / name if name.startswith("deploy/") else MANIFESTS / name for name in named]

        assert len(places) > 8
        assert [place for place in places if not place.exists()] == []

    def test_name_versions_that_are_tested(self) -> None:
        assert f"{', '.join(VERSIONS[:-1])} and {VERSIONS[-1]}" in DOCUMENT

    def test_link_to_pages_that_there_are(self) -> None:
        links = re.findall(r"\]\((?!http)([^)#]+)", DOCUMENT)

        assert all((Path(REPOSITORY) / "docs" / link).exists() for link in links)

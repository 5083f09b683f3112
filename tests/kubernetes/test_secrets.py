"""`make_secrets.py` makes what the manifests and the operators read, anew each time, and writes it nowhere."""

import json
import runpy
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.kubernetes.tools import MANIFESTS, VERSIONS, Manifest, of_kind, overlay, wrong_by_schema

SCRIPT = MANIFESTS / "make_secrets.py"


@pytest.fixture
def made() -> dict[str, Manifest]:
    script: dict[str, Any] = runpy.run_path(str(SCRIPT))
    return {each["metadata"]["name"]: each for each in script["secrets"]()}


class TestMakeSecrets:
    def test_makes_what_kubernetes_takes(self, made: dict[str, Manifest]) -> None:
        assert wrong_by_schema(list(made.values()), VERSIONS[-1]) == []

    def test_prints_a_list_for_kubectl(self, made: dict[str, Manifest]) -> None:
        done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)

        assert [each["metadata"]["name"] for each in json.loads(done.stdout)["items"]] == list(made)

    def test_names_the_roles_as_the_cluster_does(self, made: dict[str, Manifest]) -> None:
        (cluster,) = of_kind(overlay("services"), "Cluster")
        roles = {role["passwordSecret"]["name"]: role["name"] for role in cluster["spec"]["managed"]["roles"]}

        assert {name: made[name]["stringData"]["username"] for name in roles} == roles
        assert {made[name]["type"] for name in roles} == {"kubernetes.io/basic-auth"}

    def test_tells_the_broker_the_password_that_processes_are_told(self, made: dict[str, Manifest]) -> None:
        broker = made["rabbitmq"]["stringData"]

        assert broker["default_user.conf"].splitlines() == [
            f"default_user = {broker['username']}",
            f"default_pass = {broker['password']}",
        ]

    def test_makes_a_signing_key(self, made: dict[str, Manifest]) -> None:
        assert load_pem_private_key(made["nexus"]["stringData"]["signing_key"].encode(), password=None)

    def test_makes_no_two_alike(self, made: dict[str, Manifest]) -> None:
        passwords = [each["stringData"]["password"] for each in made.values() if "password" in each["stringData"]]

        assert len(set(passwords)) == len(passwords) == 7

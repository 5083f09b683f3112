"""The import contracts of pyproject.toml hold, and each of them bites."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

SIDE_BY_SIDE = "Apps stand side by side on the shared shelf, and nothing else stands in nexus"
NO_APP_ON_THE_SHELF = "Neither the shelf nor the settings import an app"
PLAIN_CONTRACTS = "Contracts import the standard library only"
LAYERS = "Inside an app, entry points call services and services call models"
LAYERS_OF_ACCOUNTS = "Inside accounts, pages and admin share forms, and forms call services"
LAYERS_OF_GATEWAY = "Inside the gateway, the door stands on the proxy, and the proxy on what it knows of services"
HTTP_IN_API = "HTTP stays in api"
STORAGE_BELOW = "Entry points leave storage to services and selectors"


class Violation(NamedTuple):
    """Code at the end of a file of `nexus`, and what the contract that it breaks says about it."""

    contract: str
    file: str
    code: str
    evidence: str


PLANTED = {
    "another app's selectors": Violation(
        SIDE_BY_SIDE,
        "orders/selectors/orders.py",
        "from nexus.inventory import selectors as stock",
        "nexus.orders.selectors.orders -> nexus.inventory.selectors",
    ),
    "another app, inside a function": Violation(
        SIDE_BY_SIDE,
        "catalog/handlers.py",
        "def late():\n    from nexus.orders.models import Order",
        "nexus.catalog.handlers -> nexus.orders.models",
    ),
    "another app, for type checkers only": Violation(
        SIDE_BY_SIDE,
        "inventory/handlers.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nexus.orders.models import Order",
        "nexus.inventory.handlers -> nexus.orders.models",
    ),
    "the gateway asking an app": Violation(
        SIDE_BY_SIDE,
        "gateway/callers.py",
        "from nexus.accounts.models import Customer",
        "nexus.gateway.callers -> nexus.accounts.models",
    ),
    "a settings module": Violation(
        SIDE_BY_SIDE,
        "orders/handlers.py",
        "from nexus.settings import base",
        "nexus.orders.handlers -> nexus.settings.base",
    ),
    "web leaning on the bus": Violation(
        SIDE_BY_SIDE,
        "web/views.py",
        "from nexus.eventbus import registry",
        "nexus.web.views -> nexus.eventbus.registry",
    ),
    "a stray file in nexus": Violation(SIDE_BY_SIDE, "utils.py", "", "nexus.utils"),
    "the bus knowing a subscriber": Violation(
        NO_APP_ON_THE_SHELF,
        "eventbus/relay.py",
        "from nexus.orders import handlers",
        "nexus.eventbus.relay -> nexus.orders.handlers",
    ),
    "the URLs importing views": Violation(
        NO_APP_ON_THE_SHELF, "urls.py", "from nexus.orders.api import views", "nexus.urls -> nexus.orders.api.views"
    ),
    "Django in a contract": Violation(
        PLAIN_CONTRACTS,
        "contracts/money.py",
        "from django.utils import timezone",
        "nexus.contracts.money imports django",
    ),
    "a small package in a contract": Violation(
        PLAIN_CONTRACTS, "contracts/base.py", "import msgspec", "nexus.contracts.base imports msgspec"
    ),
    "a selector calling a service": Violation(
        LAYERS,
        "inventory/selectors.py",
        "from nexus.inventory import services",
        "nexus.inventory.selectors -> nexus.inventory.services",
    ),
    "an exception knowing models": Violation(
        LAYERS,
        "orders/exceptions.py",
        "from nexus.orders import models",
        "nexus.orders.exceptions -> nexus.orders.models",
    ),
    "a handler calling a view": Violation(
        LAYERS,
        "orders/handlers.py",
        "from nexus.orders.api import views",
        "nexus.orders.handlers -> nexus.orders.api.views",
    ),
    "a stray file in an app": Violation(LAYERS, "orders/helpers.py", "", "helpers"),
    "a service knowing forms": Violation(
        LAYERS_OF_ACCOUNTS,
        "accounts/services/login.py",
        "from nexus.accounts import forms",
        "nexus.accounts.services.login -> nexus.accounts.forms",
    ),
    "a stray file in accounts": Violation(LAYERS_OF_ACCOUNTS, "accounts/helpers.py", "", "helpers"),
    "limits knowing the door": Violation(
        LAYERS_OF_GATEWAY,
        "gateway/limits.py",
        "from nexus.gateway import middleware",
        "nexus.gateway.limits -> nexus.gateway.middleware",
    ),
    "a source knowing its service": Violation(
        LAYERS_OF_GATEWAY,
        "gateway/discovery/sources.py",
        "from nexus.gateway.upstream import service",
        "nexus.gateway.discovery.sources -> nexus.gateway.upstream.service",
    ),
    "a gateway with models": Violation(LAYERS_OF_GATEWAY, "gateway/models.py", "", "models"),
    "a service with a response": Violation(
        HTTP_IN_API,
        "orders/services/place.py",
        "from rest_framework.response import Response",
        "nexus.orders.services.place -> rest_framework",
    ),
    "a handler with a view's manners": Violation(
        HTTP_IN_API,
        "inventory/handlers.py",
        "from nexus.web.pagination import read_page",
        "nexus.inventory.handlers -> nexus.web.pagination",
    ),
    "SQL in a view": Violation(
        STORAGE_BELOW, "orders/api/views.py", "import psycopg", "nexus.orders.api.views -> psycopg"
    ),
    "the cache in a handler": Violation(
        STORAGE_BELOW,
        "inventory/handlers.py",
        "from nexus.inventory import cache",
        "nexus.inventory.handlers -> nexus.inventory.cache",
    ),
    "a view writing to the log": Violation(
        STORAGE_BELOW,
        "inventory/api/views.py",
        "from nexus.eventbus.stores import postgres",
        "nexus.inventory.api.views -> nexus.eventbus.stores.postgres",
    ),
}


def lint(tree: Path) -> "subprocess.CompletedProcess[str]":
    """What import-linter says about the `nexus` under ``tree``."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--no-logo", "--config", ROOT / "pyproject.toml"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "300"},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[str, str], Path]:
    """Makes a copy of `nexus` in which a file ends with more code; a file that is not there is new."""
    shutil.copytree(
        ROOT / "nexus", tmp_path / "nexus", ignore=shutil.ignore_patterns("__pycache__", "*.html", "static")
    )

    def at_the_end(file: str, code: str) -> Path:
        with (tmp_path / "nexus" / file).open("a") as target:
            target.write(f"\n{code}\n")
        return tmp_path

    return at_the_end


class TestTheTree:
    def test_keeps_every_contract(self):
        said = lint(ROOT)

        assert said.returncode == 0, said.stdout


class TestAContract:
    @pytest.mark.parametrize("violation", PLANTED.values(), ids=PLANTED.keys())
    def test_is_broken_by(self, plant, violation):
        tree = plant(violation.file, violation.code)

        said = lint(tree)

        assert said.returncode == 1
        assert f"{violation.contract} BROKEN" in said.stdout
        assert violation.evidence in said.stdout

    def test_is_kept_by_harmless_code(self, plant):
        tree = plant(
            "orders/services/place.py", "import json\nfrom nexus.orders.exceptions import OrderNotFound as Lost"
        )

        said = lint(tree)

        assert said.returncode == 0, said.stdout

    def test_says_what_to_do_instead(self, plant):
        tree = plant("orders/handlers.py", "from nexus.inventory import services as stock")

        said = lint(tree)

        assert "tell a fact of nexus.contracts on the event bus" in said.stdout

    def test_has_a_planted_violation(self):
        broken = {violation.contract for violation in PLANTED.values()}

        assert broken == {contract["name"] for contract in CONTRACTS}

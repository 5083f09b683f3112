"""No app names another where import-linter cannot see it, and every way of doing so is found."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nexus.settings import monolith
from tests.architecture.hidden_references import ROOT, Finding, list_findings, main
from tests.architecture.hidden_rules import SETTINGS

HIDDEN = {
    "a dotted path": ('import_string("nexus.inventory.services.reserve_stock")', "nexus.inventory"),
    "a dotted path put together": ('import_module(f"nexus.{name}.services")', "builds the name of a module"),
    "a dotted path added up": ('path = "nexus." + name', "builds the name of a module"),
    "a computed import": ("__import__(name)", "computes what it imports"),
    "a relative import": ('import_module("..inventory.models", package)', "a module of inventory"),
    "another's settings module": ('module = "nexus.settings.inventory"', "nexus.settings.inventory"),
    "a foreign key": ('item = models.ForeignKey("inventory.Item", models.PROTECT)', "a model of inventory"),
    "a model by two words": ('apps.get_model("inventory", "Stock")', 'the app "inventory"'),
    "a model by one word": ('apps.get_model("inventory.stock")', "a model of inventory"),
    "an app's configuration": ('apps.get_app_config("catalog")', 'the app "catalog"'),
    "a member of the bus": ('members["inventory"].store', 'the app "inventory"'),
    "a migration's dependency": ('dependencies = [("inventory", "0001_initial")]', 'the app "inventory"'),
    "a content type": ('ContentType.objects.get(app_label="accounts")', 'the app "accounts"'),
    "a permission": ('user.has_perm("catalog.change_product")', "a permission"),
    "a setting": ("hours = settings.RESERVATION_HOURS", "settings.RESERVATION_HOURS of inventory"),
    "a setting by its name": ('getattr(settings, "SIGNING_KEY", "")', "settings.SIGNING_KEY of accounts"),
    "a database": ('rows.using("inventory")', 'the database "inventory"'),
    "a connection": ('connections["default"].cursor()', 'the database "default" of accounts'),
    "a transaction elsewhere": ('transaction.atomic(using="inventory")', 'the database "inventory"'),
    "a transaction in whatever is default": ("transaction.atomic()", "atomic without `using`"),
    "a callback after another's commit": ("transaction.on_commit(send)", "on_commit without `using`"),
    "the default connection": ("from django.db import connection", "the default connection"),
    "SQL": ('cursor.execute("SELECT on_hand FROM inventory_stock WHERE sku = %s")', "a table of inventory"),
    "a join in an f-string": ('cursor.execute(f"{select} JOIN public.catalog_offer ON {same}")', "a table of catalog"),
    "a borrowed table": ('db_table = "inventory_stock"', "a table of inventory"),
    "keys in Redis": ('redis.hget(f"stock:{sku}", "available")', "the Redis keys stock:* of inventory"),
    "a URL": ('reverse("login")', "a URL of accounts"),
    "an admin page": ('reverse("admin:inventory_stock_change", args=[1])', "an admin page of inventory"),
    "a template": ('render(request, "accounts/page.html")', "a template of accounts"),
}
HARMLESS = {
    "its own names": 'apps.get_model("orders", "Order"), "nexus.orders.services", connections["orders"]',
    "the shelf": 'log = logging.getLogger("nexus.eventbus")',
    "a docstring": '"""Unlike nexus.inventory.services, this needs no inventory.Stock."""',
    "a comment": "pass  # nexus.inventory.services does it the other way",
    "a fact's name": 'kind = "inventory.stock-reserved.v1"',
    "a scope": 'scope = "inventory:write"',
    "a path of the front door": 'location = "/api/v1/inventory/stock"',
    "a word": 'message = "Select a product from inventory or catalog."',
    "its own transaction": 'transaction.atomic(using="orders"), transaction.on_commit(send, using="orders")',
    "its own table": 'cursor.execute("SELECT id FROM orders_order")',
    "a URL of its own": 'reverse("order-list")',
    "a setting of the whole deployment": "settings.CURRENCY",
}
LAYERS = {
    "a query in a view": ("api/views.py", "Order.objects.get(pk=1)", "an entry point queries a model"),
    "a transaction in a handler": ("handlers.py", "from django.db import transaction", "an entry point uses django.db"),
    "a request in a service": ("services/place.py", "from django.http import HttpRequest", "HTTP stays in api/"),
}

Search = Callable[..., Sequence[Finding]]


@pytest.fixture
def search(tmp_path: Path) -> Search:
    """What is found in a file of orders, in a tree with a few URLs and nothing else."""
    for app, name in {"orders": "order-list", "accounts": "login"}.items():
        urls = tmp_path / "nexus" / app / "api" / "urls.py"
        urls.parent.mkdir(parents=True)
        urls.write_text(f'urlpatterns = [path("", view, name="{name}")]\n')

    def in_orders(code: str, *, file: str = "services.py") -> Sequence[Finding]:
        path = tmp_path / "nexus" / "orders" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{code}\n")
        return list_findings(root=tmp_path)

    return in_orders


class TestTheTree:
    def test_names_no_other_app(self):
        findings = list_findings(root=ROOT)

        assert not findings, "\n".join(map(str, findings))


class TestAHiddenReference:
    @pytest.mark.parametrize(("code", "words"), HIDDEN.values(), ids=HIDDEN.keys())
    def test_is_found_in(self, search, code, words):
        findings = search(f"\n{code}")

        assert any(words in finding.says for finding in findings)
        assert {(str(finding.path), finding.line) for finding in findings} == {("nexus/orders/services.py", 2)}

    @pytest.mark.parametrize("code", HARMLESS.values(), ids=HARMLESS.keys())
    def test_is_not_seen_in(self, search, code):
        assert search(code) == []

    @pytest.mark.parametrize(("file", "code", "words"), LAYERS.values(), ids=LAYERS.keys())
    def test_is_a_skipped_layer_such_as(self, search, file, code, words):
        findings = search(code, file=file)

        assert [words in finding.says for finding in findings] == [True]

    def test_is_found_in_a_template(self, search):
        findings = search("{% extends 'accounts/page.html' %}\n{% url 'login' %}", file="templates/orders/order.html")

        assert [finding.line for finding in findings] == [1, 2]


class TestTheCommand:
    def test_says_where_and_what_to_do_and_fails(self, search, tmp_path, capsys):
        search('apps.get_model("inventory", "Stock")')

        status = main(arguments=[str(tmp_path)])

        said = capsys.readouterr().out
        assert status == 1
        assert "nexus/orders/services.py:1: " in said
        assert "tell a fact of nexus.contracts on the event bus" in said

    def test_succeeds_where_no_app_names_another(self, search, tmp_path, capsys):
        search("answer = 42")

        assert main(arguments=[str(tmp_path)]) == 0


class TestTheTableOfSettings:
    def test_names_settings_that_exist(self):
        assert [name for name in SETTINGS if not hasattr(monolith, name)] == []

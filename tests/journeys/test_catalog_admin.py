"""Shop staff at work on the catalog in the admin."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from nexus.catalog import selectors, services
from nexus.catalog.models.connection import database, store
from nexus.catalog.services import (
    NewAttribute,
    NewCategory,
    NewProduct,
    NewProductType,
    NewVariant,
    ProductChanges,
)
from nexus.contracts.base import enclose
from nexus.contracts.inventory import StockLevelChanged
from nexus.eventbus.delivery import deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode, record_of

pytestmark = pytest.mark.django_db
PRODUCTS = "/admin/catalog/product/"
CATEGORIES = "/admin/catalog/category/"
TYPES = "/admin/catalog/producttype/"
LETTERS = "/admin/catalog/deadletter/"


@pytest.fixture(scope="session")
def _prepared() -> None:
    services.prepare()


@pytest.fixture(autouse=True)
def catalog(_prepared: None) -> None:
    for name in database().list_collection_names():
        database()[name].delete_many({})
    store.prepare()
    attributes = [
        NewAttribute(name="dimmable", kind="boolean"),
        NewAttribute(name="height", kind="measure", unit="cm"),
        NewAttribute(name="since", kind="date"),
        NewAttribute(name="rooms", kind="multi-choice", choices=["kitchen", "bath"]),
        NewAttribute(name="finish", kind="choice", choices=["brass", "black"], on="variant", required=True),
    ]
    services.create_product_type(product_type=NewProductType(slug="lamp", name="Lamp", attributes=attributes))
    services.create_product_type(product_type=NewProductType(slug="book", name="Book"))
    services.create_category(category=NewCategory(slug="home", name="Home"))
    services.create_category(category=NewCategory(slug="lighting", name="Lighting", parent="home"))
    services.create_product(product=a_lamp())


def a_lamp(**changes: Any) -> NewProduct:
    wanted: dict[str, Any] = {
        "slug": "alva",
        "name": "Alva",
        "product_type": "lamp",
        "categories": ["lighting"],
        "status": "published",
        "attributes": {"dimmable": True, "height": {"value": 42, "unit": "cm"}},
        "variants": [NewVariant(sku="ALVA", attributes={"finish": "brass"}, prices={"EUR": 7900, "USD": 8500})],
    }
    return NewProduct(**wanted | changes)


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser(email="boss@example.com", password="a long password"))
    return client


@pytest.fixture
def looker(client: Client) -> Client:
    """Staff who may look at everything in the catalog, and change nothing."""
    user = get_user_model().objects.create_user(email="look@example.com", password="a long password", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="catalog", codename__startswith="view_")
    )
    client.force_login(user)
    return client


def page_of(slug: str) -> str:
    return f"{PRODUCTS}{selectors.get_product(slug=slug, statuses=('draft', 'published', 'archived'))['_id']}/change/"


def filled(client: Client, url: str, **changes: Any) -> dict[str, Any]:
    """What a browser would post from the page, with some fields filled in anew."""
    form = client.get(url).context["adminform"].form
    data: dict[str, Any] = {name: form[name].value() for name in form.fields}
    for rows in form.row_sets if hasattr(form, "row_sets") else []:
        data |= {f"{rows.prefix}-{name}": rows.management_form[name].value() for name in rows.management_form.fields}
        for row in rows:
            data |= {row.add_prefix(name): row[name].value() for name in row.fields}
    return {name: value for name, value in (data | changes).items() if value is not None and value is not False}


def errors_of(answer: Any) -> str:
    assert answer.status_code == 200
    form = answer.context["adminform"].form
    return json.dumps([form.errors, *(rows.errors for rows in form.row_sets)])


class TestList:
    def test_shows_what_matters_at_a_glance(self, staff):
        answer = staff.get(PRODUCTS).content.decode()

        for shown in ("Alva", "ALVA", "Published", "79.00", "none"):
            assert shown in answer

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("q=alva", 1),
            ("q=ALVA", 1),
            ("q=chair", 0),
            ("q=.*", 0),
            ("status=published", 1),
            ("status=draft", 0),
            ("type=lamp", 1),
            ("type=book", 0),
            ("category=home", 1),
            ("category=%24ne", 0),
            ("stock=yes", 0),
            ("stock=no", 1),
            ("o=2", 1),
            ("slug=alva", 1),
            ("slug__in=alva,x", 1),
        ],
    )
    def test_searches_and_filters(self, staff, query, count):
        answer = staff.get(f"{PRODUCTS}?{query}")

        assert answer.context["cl"].result_count == count

    def test_sends_unknown_filters_back(self, staff):
        assert staff.get(f"{PRODUCTS}?slug__regex=.*").status_code == 302

    def test_has_pages(self, staff):
        services.add_products(
            [
                a_lamp(
                    slug=f"l-{n}", variants=[NewVariant(sku=f"L-{n}", attributes={"finish": "black"})], status="draft"
                )
                for n in range(70)
            ]
        )

        first, second = (staff.get(f"{PRODUCTS}?p={page}").context["cl"] for page in (1, 2))

        assert (first.result_count, len(first.result_list), len(second.result_list)) == (71, 50, 21)


class TestAdd:
    def test_asks_for_the_type_first(self, staff):
        answer = staff.get(f"{PRODUCTS}add/").content.decode()

        assert "?product_type=lamp" in answer
        assert "?product_type=book" in answer

    def test_makes_a_product_of_fields_and_rows(self, staff):
        url = f"{PRODUCTS}add/?product_type=lamp"
        data = filled(
            staff,
            url,
            name="Birk",
            slug="birk",
            status="published",
            categories=["lighting"],
            attribute_dimmable="false",
            attribute_height="12.5",
            attribute_since="2020-02-03",
            attribute_rooms=["bath"],
            **{
                "variants-TOTAL_FORMS": 1,
                "variants-0-sku": "BIRK",
                "variants-0-name": "Black",
                "variants-0-price_EUR": "19.90",
                "variants-0-other_currency": "JPY",
                "variants-0-other_price": "3000",
                "variants-0-attribute_finish": "black",
                "pictures-TOTAL_FORMS": 1,
                "pictures-0-url": "/media/birk.webp",
                "pictures-0-alt": "A lamp",
            },
        )

        assert staff.post(url, data).status_code == 302

        row = selectors.get_product(slug="birk")
        assert row["attributes"] == {
            "dimmable": False,
            "height": {"value": 12.5, "unit": "cm"},
            "since": "2020-02-03",
            "rooms": ["bath"],
        }
        assert row["variants"][0]["attributes"] == {"finish": "black"}
        assert row["variants"][0]["prices"] == [
            {"currency": "EUR", "amount": 1990},
            {"currency": "JPY", "amount": 3000},
        ]
        assert row["media"] == [{"url": "/media/birk.webp", "alt": "A lamp"}]
        assert [record.sequence for record in store.stream("BIRK")] == [1]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"slug": "alva"}, "Another product has this slug"),
            ({"slug": "Not a slug"}, "Enter a valid value"),
            ({"variants-0-sku": "ALVA"}, "Alva has this SKU"),
            ({"variants-0-sku": "no spaces"}, "Enter a valid value"),
            ({"variants-0-attribute_finish": ""}, "This field is required"),
            ({"variants-0-price_EUR": "1.999"}, "decimal places"),
            ({"variants-0-price_EUR": ""}, "needs a price"),
            ({"variants-0-other_price": "5"}, "belong together"),
            ({"variants-0-other_currency": "JPY", "variants-0-other_price": "1.5"}, "digits"),
            ({"attribute_height": "tall"}, "Enter a number"),
        ],
    )
    def test_says_what_is_wrong_beside_the_field(self, staff, changes, message):
        url = f"{PRODUCTS}add/?product_type=lamp"
        good = {
            "name": "Birk",
            "slug": "birk",
            "status": "published",
            "variants-0-sku": "BIRK",
            "variants-0-price_EUR": "19.90",
            "variants-0-attribute_finish": "black",
        }

        answer = staff.post(url, filled(staff, url, **good | changes))

        assert message in errors_of(answer)
        assert database()["products"].count_documents({}) == 1


class TestChange:
    def test_saves_through_the_service(self, staff):
        url = page_of("alva")

        answer = staff.post(url, filled(staff, url, **{"name": "Alva II", "variants-0-price_EUR": "89.00"}))

        assert answer.status_code == 302
        row = selectors.get_product(slug="alva")
        assert (row["name"], row["version"], row["attributes"]) == ("Alva II", 2, a_lamp().attributes)
        assert b'"EUR":8900' in bytes(store.stream("ALVA")[-1].data)

    def test_changes_nothing_when_nothing_is_changed(self, staff):
        url = page_of("alva")

        staff.post(url, filled(staff, url))

        assert selectors.get_product(slug="alva")["version"] == 1

    def test_removes_a_variant(self, staff):
        url = page_of("alva")

        staff.post(url, filled(staff, url, **{"variants-0-DELETE": "on", "status": "draft"}))

        assert database()["products"].find_one()["variants"] == []
        assert b'"sellable":false' in bytes(store.stream("ALVA")[-1].data)

    def test_is_kept_in_the_history(self, staff):
        url = page_of("alva")
        staff.post(url, filled(staff, url, **{"name": "Alva II", "variants-0-name": "Brass"}))

        history = staff.get(url.replace("change", "history")).content.decode()

        assert "Changed name and variants" in history

    def test_refuses_a_stale_form_with_a_clear_message(self, staff):
        url = page_of("alva")
        stale = filled(staff, url, name="Mine")
        services.change_product(slug="alva", changes=ProductChanges(name="Theirs"))

        answer = staff.post(url, stale)

        assert "Somebody else changed this since you opened it" in answer.content.decode()
        assert selectors.get_product(slug="alva")["name"] == "Theirs"

    def test_refuses_a_change_that_comes_in_between_check_and_save(self, staff, monkeypatch):
        url = page_of("alva")
        data = filled(staff, url, name="Mine")
        real = services.change_product

        def overtaken(**arguments: Any) -> Any:
            monkeypatch.setattr(services, "change_product", real)
            real(slug="alva", changes=ProductChanges(name="Theirs"))
            return real(**arguments)

        monkeypatch.setattr(services, "change_product", overtaken)

        answer = staff.post(url, data, follow=True)

        assert "It was changed by somebody else" in answer.content.decode()
        assert selectors.get_product(slug="alva")["name"] == "Theirs"
        assert LogEntry.objects.count() == 0

    def test_of_what_is_not_there_goes_back(self, staff):
        for identity in ("nonsense", "0199d9a2-5c1e-7c44-9f0b-2f6f5e3c1a77", "%24ne"):
            assert staff.get(f"{PRODUCTS}{identity}/change/").status_code == 302


class TestActions:
    @pytest.mark.parametrize(("action", "status"), [("publish", "published"), ("archive", "archived")])
    def test_publish_and_archive_through_the_service(self, staff, action, status):
        services.change_product(slug="alva", changes=ProductChanges(status="draft"))
        identity = str(database()["products"].find_one()["_id"])

        staff.post(PRODUCTS, {"action": action, "_selected_action": [identity]})

        assert database()["products"].find_one()["status"] == status
        assert (b'"sellable":true' in bytes(store.stream("ALVA")[-1].data)) == (action == "publish")
        assert LogEntry.objects.get().get_change_message() == f"Set status to {status}."

    def test_publish_says_what_cannot_be_published(self, staff):
        services.create_product(product=a_lamp(slug="bare", name="Bare", status="draft", variants=[]))
        identity = str(database()["products"].find_one({"slug": "bare"})["_id"])

        answer = staff.post(PRODUCTS, {"action": "publish", "_selected_action": [identity]}, follow=True)

        assert "Bare: A published product needs a variant." in answer.content.decode()

    def test_delete_one_or_several(self, staff):
        services.create_product(product=a_lamp(slug="other", status="draft", variants=[]))
        one, other = (str(row["_id"]) for row in database()["products"].find().sort("_id", 1))

        assert "Alva" in staff.get(f"{PRODUCTS}{one}/delete/").content.decode()
        staff.post(f"{PRODUCTS}{one}/delete/", {"post": "yes"})
        staff.post(PRODUCTS, {"action": "delete_selected", "_selected_action": [other], "post": "yes"})

        assert database()["products"].count_documents({}) == 0
        assert b'"sellable":false' in bytes(store.stream("ALVA")[-1].data)
        assert LogEntry.objects.count() == 2


class TestStaffWhoMayOnlyLook:
    def test_see_everything(self, looker):
        answer = looker.get(page_of("alva")).content.decode()

        assert looker.get(PRODUCTS).status_code == 200
        for shown in ("Alva", "ALVA", "brass", "79.00", "42"):
            assert shown in answer
        assert 'name="_save"' not in answer

    def test_are_refused_changes_with_403(self, looker):
        page = page_of("alva")

        refused = [
            looker.post(page, {"name": "Mine"}),
            looker.post(page.replace("change", "delete"), {"post": "yes"}),
            looker.get(f"{PRODUCTS}add/"),
            looker.post(f"{PRODUCTS}add/?product_type=lamp", {"name": "Mine"}),
            looker.post(f"{CATEGORIES}add/", {"name": "Mine"}),
            looker.post(f"{TYPES}add/", {"name": "Mine"}),
        ]
        looker.post(PRODUCTS, {"action": "archive", "_selected_action": [page.split("/")[4]]})

        assert [answer.status_code for answer in refused] == [403] * 6
        assert selectors.get_product(slug="alva")["version"] == 1


class TestCategories:
    def test_are_made_moved_and_deleted(self, staff):
        add = f"{CATEGORIES}add/"
        assert staff.post(add, {"name": "Desk", "slug": "desk", "parent": "lighting"}).status_code == 302
        page = f"{CATEGORIES}{selectors.get_category(slug='desk')['_id']}/change/"

        assert staff.post(page, filled(staff, page, parent="home")).status_code == 302

        assert selectors.get_category(slug="desk")["path"] == "home/desk"
        staff.post(page.replace("change", "delete"), {"post": "yes"})
        assert database()["categories"].count_documents({"slug": "desk"}) == 0

    def test_say_why_they_stay(self, staff):
        page = f"{CATEGORIES}{selectors.get_category(slug='lighting')['_id']}/delete/"

        answer = staff.post(page, {"post": "yes"}, follow=True)

        assert "Products stand in it" in answer.content.decode()
        assert selectors.get_category(slug="lighting")

    def test_are_not_offered_below_themselves(self, staff):
        page = f"{CATEGORIES}{selectors.get_category(slug='home')['_id']}/change/"

        choices = dict(staff.get(page).context["adminform"].form.fields["parent"].choices)

        assert choices.keys() == {""}

    def test_that_are_there_already_are_refused(self, staff):
        answer = staff.post(f"{CATEGORIES}add/", {"name": "Home", "slug": "home", "parent": ""})

        assert "Another category has this slug" in answer.content.decode()


class TestProductTypes:
    def test_are_made_of_rows(self, staff):
        url = f"{TYPES}add/"
        rows = {
            "attributes-TOTAL_FORMS": 1,
            "attributes-0-name": "wood",
            "attributes-0-kind": "choice",
            "attributes-0-on": "product",
            "attributes-0-required": "on",
            "attributes-0-choices": "oak, ash",
        }

        assert staff.post(url, filled(staff, url, name="Chair", slug="chair", **rows)).status_code == 302

        (wood,) = selectors.get_product_type(slug="chair")["attributes"]
        assert (wood["choices"], wood["required"]) == (["oak", "ash"], True)

    def test_say_what_is_wrong_beside_the_row(self, staff):
        url = f"{TYPES}add/"
        rows = {
            "attributes-TOTAL_FORMS": 1,
            "attributes-0-name": "wood",
            "attributes-0-kind": "choice",
            "attributes-0-on": "product",
        }

        answer = staff.post(url, filled(staff, url, name="Chair", slug="chair", **rows))

        assert "A choice needs choices" in errors_of(answer)


class TestTheBus:
    def test_shows_what_was_told(self, staff):
        log = staff.get("/admin/catalog/loggedevent/?q=ALVA")
        position = log.context["cl"].result_list[0].pk
        event = staff.get(f"/admin/catalog/loggedevent/{position}/change/").content.decode()

        assert log.context["cl"].result_count == 1
        assert "7900" in event
        assert 'name="_save"' not in event

    def test_gives_dead_letters_a_second_chance(self, staff, monkeypatch):
        fact = enclose(StockLevelChanged(sku="ALVA", available=3, version=1), sequence=1)
        with monkeypatch.context() as broken:
            broken.setitem(members["catalog"].handlers, fact.type, lambda levels: 1 / 0)
            deliver(member=members["catalog"], message=encode([record_of(fact)]))
        (letter,) = staff.get(f"{LETTERS}?state=waiting").context["cl"].result_list

        answer = staff.post(LETTERS, {"action": "replay_events", "_selected_action": [letter.pk]}, follow=True)

        assert "1 replayed" in answer.content.decode()
        assert selectors.get_product(slug="alva")["variants"][0]["availability"]["available"] == 3
        assert staff.get(f"{LETTERS}?state=waiting").context["cl"].result_count == 0
        assert staff.get(f"{LETTERS}{letter.pk}/change/").status_code == 200
        assert staff.get(f"{LETTERS}nonsense/change/").status_code == 302

    def test_lets_nobody_change_what_was_told(self, staff):
        position = staff.get("/admin/catalog/loggedevent/").context["cl"].result_list[0].pk

        assert staff.post(f"/admin/catalog/loggedevent/{position}/change/", {}).status_code == 403
        assert staff.get("/admin/catalog/loggedevent/add/").status_code == 403

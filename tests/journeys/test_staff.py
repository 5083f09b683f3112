"""Shop staff and operators at work in the admin: orders, stock, what was told and what could not be handled."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nexus.contracts.base import Envelope, Event, enclose
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.orders import OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from nexus.eventbus.delivery import Outcome, deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode, record_of
from nexus.inventory import handlers as inventory_handlers
from nexus.inventory import services as inventory
from nexus.inventory.models import DeadLetter, LedgerEntry, Location, Reason, Reservation, Stock
from nexus.inventory.models import LoggedEvent as InventoryEvent
from nexus.orders import selectors
from nexus.orders import services as orders
from nexus.orders.models import LoggedEvent, Order, Status

pytestmark = pytest.mark.django_db(databases=["default", "orders", "inventory"])
ORDERS = "/admin/orders/order/"
PRICES = "/admin/orders/price/"
STOCK = "/admin/inventory/stock/"
LEDGER = "/admin/inventory/ledgerentry/"
RESERVATIONS = "/admin/inventory/reservation/"
LETTERS = "/admin/inventory/deadletter/"
LOGS = ["/admin/orders/loggedevent/", "/admin/inventory/loggedevent/"]
PASSWORD = "a long password"
Person = Callable[..., Client]


@pytest.fixture
def person(client: Client) -> Person:
    """Logs somebody in who has the named permissions."""

    def enter(*codenames: str, is_staff: bool = True) -> Client:
        user = get_user_model().objects.create_user(email="clerk@example.org", password=PASSWORD, is_staff=is_staff)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(user)
        return client

    return enter


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser(email="boss@example.org", password=PASSWORD))
    return client


@pytest.fixture
def looker(person: Person) -> Client:
    """Staff who may look at everything, and change nothing."""
    return person(*Permission.objects.filter(codename__startswith="view_").values_list("codename", flat=True))


class Shop:
    """A shop with a lamp on offer, at work through its services."""

    def offers(self, sku: str, *, on_hand: int = 0, name: str = "") -> None:
        offer = OfferChanged(sku=sku, name=name or f"The {sku}", prices={"EUR": 1990}, sellable=True, version=1)
        orders.record_offers([offer])
        inventory.open_items([offer])
        if on_hand:
            inventory.receive_stock({sku: on_hand})

    def takes_order(self, *, quantity: int = 1, confirmed: bool = False, customer_id: UUID | None = None) -> Order:
        placement = orders.place_order(
            customer_id=customer_id or uuid4(),
            lines=[orders.Line(sku="LAMP", quantity=quantity, position=0)],
            currency="EUR",
            note="Ring twice",
        )
        if confirmed:
            orders.move_orders({placement.order.id: OrderConfirmed(order_id=placement.order.id)})
        return Order.objects.get(id=placement.order.id)

    def sets_aside(self, sku: str, quantity: int) -> UUID:
        """Inventory hears of an order."""
        placed = placed_order(sku, quantity)
        assert hear(enclose(placed, sequence=1)).applied == 1
        return placed.order_id

    def story_of(self, order: Order) -> list[str]:
        """The types of the order's events, without prefix and version."""
        told = selectors.list_events(order_id=order.id)
        return [each.type.removeprefix("orders.order-").removesuffix(".v1") for each in told]


@pytest.fixture
def shop(clean_redis: object) -> Shop:
    shop = Shop()
    shop.offers("LAMP", on_hand=10, name="Alva lamp")
    return shop


def placed_order(sku: str, quantity: int) -> OrderPlaced:
    line = OrderLine(sku=sku, name=sku, quantity=quantity, unit_price=1)
    return OrderPlaced(
        order_id=uuid4(), number="N-1", customer_id=uuid4(), currency="EUR", total=quantity, lines=(line,)
    )


def hear(*envelopes: Envelope[Event]) -> Outcome:
    """Inventory gets a message."""
    return deliver(member=members["inventory"], message=encode([record_of(each) for each in envelopes]))


def act(client: Client, url: str, action: str, *rows: Any) -> list[tuple[str, str]]:
    """Choose an action for rows of a list; the messages shown then, as (level, text)."""
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = client.post(url, form, follow=True)
    return [(message.level_tag, message.message) for message in answer.context["messages"]]


def rows_of(client: Client, url: str) -> list[Any]:
    """What a list shows."""
    answer = client.get(url)
    assert answer.status_code == 200, (answer.status_code, answer.get("Location"))
    return list(answer.context["cl"].result_list)


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def queries(client: Client, url: str) -> int:
    """How many questions all databases are asked for a page."""
    captures = [CaptureQueriesContext(connections[alias]) for alias in settings.DATABASES]
    for capture in captures:
        capture.__enter__()
    page(client, url)
    for capture in captures:
        capture.__exit__(None, None, None)
    return sum(len(capture) for capture in captures)


class TestOrderList:
    def test_shows_number_status_and_total(self, staff: Client, shop: Shop) -> None:
        order = shop.takes_order(quantity=2)

        shown = page(staff, ORDERS)

        for text in (order.number, "placed", "39.80 EUR", f"{order.placed_at:%Y-%m-%d %H:%M:%S}"):
            assert text in shown

    def test_has_the_newest_first(self, staff: Client, shop: Shop) -> None:
        placed = [shop.takes_order() for _ in range(3)]

        assert rows_of(staff, ORDERS) == placed[::-1]

    @pytest.mark.parametrize("wanted", ["number", "id", "customer_id"])
    def test_finds_an_order(self, staff: Client, shop: Shop, wanted: str) -> None:
        order, _ = shop.takes_order(), shop.takes_order()

        assert rows_of(staff, f"{ORDERS}?q={getattr(order, wanted)}") == [order]

    def test_finds_a_number_by_its_end(self, staff: Client, shop: Shop) -> None:
        order, _ = shop.takes_order(), shop.takes_order()

        assert rows_of(staff, f"{ORDERS}?q={order.number[-6:]}") == [order]

    @pytest.mark.parametrize("nonsense", [str(UUID(int=0)), "no such order", "'; DROP TABLE", "%", "N-0000"])
    def test_finds_nothing_for_what_is_not_there(self, staff: Client, shop: Shop, nonsense: str) -> None:
        shop.takes_order()

        assert rows_of(staff, f"{ORDERS}?q={nonsense}") == []

    def test_filters_by_status(self, staff: Client, shop: Shop) -> None:
        waiting, ready = shop.takes_order(), shop.takes_order(confirmed=True)

        assert rows_of(staff, f"{ORDERS}?status__exact=confirmed") == [ready]
        assert rows_of(staff, f"{ORDERS}?status__exact=placed") == [waiting]

    def test_finds_the_stuck_ones(self, staff: Client, shop: Shop) -> None:
        _, stuck, ready = shop.takes_order(), shop.takes_order(), shop.takes_order(confirmed=True)
        Order.objects.filter(id__in=[stuck.id, ready.id]).update(placed_at=timezone.now() - timedelta(seconds=61))

        assert rows_of(staff, f"{ORDERS}?stuck=yes") == [stuck]


class TestOrderPage:
    def test_shows_lines_and_history(self, staff: Client, shop: Shop) -> None:
        order = shop.takes_order(quantity=3, confirmed=True)

        shown = page(staff, f"{ORDERS}{order.id}/change/")

        for text in ("LAMP", "Alva lamp", "19.90", "59.70 EUR", "Ring twice", str(order.customer_id)):
            assert text in shown
        assert shown.index("orders.order-placed.v1") < shown.index("orders.order-confirmed.v1")

    def test_offers_the_steps_that_the_status_allows(self, staff: Client, shop: Shop) -> None:
        placed, confirmed = shop.takes_order(), shop.takes_order(confirmed=True)

        assert buttons_on(staff, placed) == {"cancel"}
        assert buttons_on(staff, confirmed) == {"ship", "cancel"}

    def test_takes_a_step_and_comes_back(self, staff: Client, shop: Shop) -> None:
        order = shop.takes_order(confirmed=True)

        answer = staff.post(ORDERS, {"action": "ship", "_selected_action": str(order.id), "_page": ""})

        assert answer["Location"] == f"{ORDERS}{order.id}/change/"
        assert shop.story_of(order)[-1] == "shipped"
        assert buttons_on(staff, order) == {"deliver", "take_back"}

    def test_has_no_buttons_for_those_who_may_only_look(self, looker: Client, shop: Shop) -> None:
        assert buttons_on(looker, shop.takes_order(confirmed=True)) == set()


def buttons_on(client: Client, order: Order) -> set[str]:
    shown = page(client, f"{ORDERS}{order.id}/change/")
    return {action for action in ("ship", "deliver", "take_back", "cancel") if f'value="{action}"' in shown}


class TestOrderActions:
    def test_lead_through_an_orders_life(self, staff: Client, shop: Shop) -> None:
        order = shop.takes_order(confirmed=True)

        told = [act(staff, ORDERS, action, order) for action in ("ship", "deliver", "take_back")]

        assert told == [[("success", "1 shipped.")], [("success", "1 delivered.")], [("success", "1 returned.")]]
        assert shop.story_of(order) == ["placed", "confirmed", "shipped", "delivered", "returned"]

    def test_cancel_in_the_shops_name(self, staff: Client, shop: Shop) -> None:
        order = shop.takes_order()

        act(staff, ORDERS, "cancel", order)

        cancelled = Order.objects.get(id=order.id)
        assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, "by the shop")
        assert shop.story_of(order) == ["placed", "cancelled"]

    def test_name_those_that_cannot_and_do_the_others(self, staff: Client, shop: Shop) -> None:
        ready, waiting = shop.takes_order(confirmed=True), shop.takes_order()

        told = act(staff, ORDERS, "ship", ready, waiting)

        warning = f"{waiting.number}: The order is placed; it would have to be confirmed."
        assert told == [("warning", warning), ("success", "1 shipped.")]
        assert (shop.story_of(ready)[-1], shop.story_of(waiting)) == ("shipped", ["placed"])

    def test_say_a_reason_once_for_many(self, staff: Client, shop: Shop) -> None:
        waiting = [shop.takes_order() for _ in range(12)]

        [(level, text)] = act(staff, ORDERS, "ship", *waiting)

        assert level == "warning"
        assert "and 2 more: The order is placed" in text
        assert text.count("N-") == 10

    def test_are_written_into_the_orders_history(self, staff: Client, shop: Shop) -> None:
        ready, waiting = shop.takes_order(confirmed=True), shop.takes_order()

        act(staff, ORDERS, "ship", ready, waiting)

        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.change_message) == (str(ready.id), "Marked as shipped.")
        assert entry.user.email == "boss@example.org"
        assert "Marked as shipped." in page(staff, f"{ORDERS}{ready.id}/history/")

    @pytest.mark.parametrize("action", ["ship", "deliver", "take_back", "cancel"])
    def test_are_not_for_those_who_may_only_look(self, looker: Client, shop: Shop, action: str) -> None:
        order = shop.takes_order(confirmed=True)

        act(looker, ORDERS, action, order)

        assert shop.story_of(order) == ["placed", "confirmed"]
        assert not LogEntry.objects.exists()

    def test_are_for_clerks_with_the_permission(self, person: Person, shop: Shop) -> None:
        order = shop.takes_order(confirmed=True)

        act(person("view_order", "change_order"), ORDERS, "ship", order)

        assert shop.story_of(order)[-1] == "shipped"


class TestDoor:
    @pytest.mark.parametrize("url", [ORDERS, STOCK, LEDGER, LETTERS, *LOGS])
    def test_is_shut_to_customers(self, person: Person, url: str) -> None:
        every = Permission.objects.values_list("codename", flat=True)

        answer = person(*every, is_staff=False).get(url)

        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")

    def test_is_shut_to_their_actions(self, person: Person, shop: Shop) -> None:
        order = shop.takes_order(confirmed=True)
        customer = person("view_order", "change_order", "view_stock", "change_stock", is_staff=False)

        act(customer, ORDERS, "ship", order)
        customer.post(f"{STOCK}{Stock.objects.get().pk}/adjust/", adjustment(5))

        assert shop.story_of(order) == ["placed", "confirmed"]
        assert Stock.objects.get().on_hand == 10

    @pytest.mark.parametrize("url", [ORDERS, STOCK, LEDGER, LETTERS, *LOGS])
    def test_opens_to_staff_only_what_they_may_see(self, person: Person, url: str) -> None:
        assert person("view_customer").get(url).status_code == 403


def adjustment(quantity: int, **changes: Any) -> dict[str, Any]:
    main = Location.objects.get(code="main")
    return {"quantity": quantity, "reason": "counted", "location": main.pk, "note": "Shelf 4"} | changes


class TestStock:
    def test_list_shows_what_can_be_sold(self, staff: Client, shop: Shop) -> None:
        shop.sets_aside("LAMP", 3)

        shown = page(staff, STOCK)

        for text in ("LAMP", "Alva lamp", "7 free"):
            assert text in shown

    def test_list_says_where_once_there_are_two_places(self, staff: Client, shop: Shop) -> None:
        assert "column-location" not in page(staff, STOCK)

        inventory.add_location(code="shed", name="Shed", rank=5)

        assert "column-location" in page(staff, STOCK)

    @pytest.mark.parametrize(
        ("level", "skus"), [("none", ["EMPTY", "TAKEN"]), ("few", ["FIVE", "ONE"]), ("some", ["LAMP", "SIX"])]
    )
    def test_list_filters_by_level(self, staff: Client, shop: Shop, level: str, skus: Sequence[str]) -> None:
        for sku, on_hand in {"EMPTY": 0, "TAKEN": 2, "ONE": 1, "FIVE": 5, "SIX": 6}.items():
            shop.offers(sku, on_hand=on_hand)
        shop.sets_aside("TAKEN", 2)

        assert [stock.sku for stock in rows_of(staff, f"{STOCK}?level={level}")] == skus

    @pytest.mark.parametrize("words", ["lam", "alva"])
    def test_list_is_searched_by_sku_and_name(self, staff: Client, shop: Shop, words: str) -> None:
        shop.offers("SHADE")

        assert [stock.sku for stock in rows_of(staff, f"{STOCK}?q={words}")] == ["LAMP"]

    def test_list_can_be_sorted_by_what_is_free(self, staff: Client, shop: Shop) -> None:
        shop.offers("SHADE", on_hand=3)

        assert [stock.sku for stock in rows_of(staff, f"{STOCK}?o=3")] == ["SHADE", "LAMP"]

    def test_page_shows_the_last_movements(self, staff: Client, shop: Shop) -> None:
        inventory.adjust_stock(sku="LAMP", quantity=-2, reason=Reason.DAMAGED, note="Fell over")

        shown = page(staff, f"{STOCK}{Stock.objects.get().pk}/change/")

        for text in ("damaged", "-2", "+10", "Fell over"):
            assert text in shown


class TestAdjusting:
    @pytest.fixture
    def url(self, shop: Shop) -> str:
        return f"{STOCK}{Stock.objects.get(sku='LAMP').pk}/adjust/"

    def test_shows_what_is_there(self, staff: Client, url: str) -> None:
        assert "<b>10</b> on hand" in page(staff, url)

    def test_changes_the_counter_and_writes_the_ledger(self, staff: Client, url: str) -> None:
        answer = staff.post(url, adjustment(-4))

        assert answer["Location"] == url.replace("adjust", "change")
        assert Stock.objects.get().on_hand == 6
        entry = LedgerEntry.objects.latest("id")
        boss = get_user_model().objects.get()
        assert (entry.on_hand, entry.reason, entry.note, entry.actor) == (-4, "counted", "Shelf 4", str(boss.pk))
        assert LogEntry.objects.get().change_message == "Counted: -4. Shelf 4"

    def test_tells_the_new_level(self, staff: Client, url: str) -> None:
        staff.post(url, adjustment(5))

        told = InventoryEvent.objects.using("inventory").latest("xid", "id")
        assert (told.type, told.data["available"]) == ("inventory.stock-level-changed.v1", 15)

    def test_refuses_to_take_what_is_set_aside(self, staff: Client, shop: Shop, url: str) -> None:
        shop.sets_aside("LAMP", 8)

        answer = staff.post(url, adjustment(-3))

        assert answer.status_code == 200
        assert answer.context["adminform"].form.errors == {"quantity": ["2 are free to take at main."]}
        assert "2 are free to take at main." in answer.content.decode()
        assert Stock.objects.get().on_hand == 10
        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value"), [("quantity", "0"), ("quantity", "many"), ("reason", "shipped"), ("location", "99999")]
    )
    def test_refuses_what_makes_no_sense(self, staff: Client, url: str, field: str, value: str) -> None:
        answer = staff.post(url, adjustment(1) | {field: value})

        assert list(answer.context["adminform"].form.errors) == [field]
        assert Stock.objects.get().on_hand == 10

    def test_puts_goods_into_another_place(self, staff: Client, url: str) -> None:
        shed = inventory.add_location(code="shed", name="Shed", rank=5)

        answer = staff.post(url, adjustment(7, location=shed.pk))

        stock = Stock.objects.get(sku="LAMP", location=shed)
        assert stock.on_hand == 7
        assert answer["Location"] == f"{STOCK}{stock.pk}/change/"

    def test_is_forbidden_to_those_who_may_only_look(self, looker: Client, url: str) -> None:
        assert looker.get(url).status_code == 403
        assert looker.post(url, adjustment(1)).status_code == 403
        assert Stock.objects.get().on_hand == 10
        assert "adjust/" not in page(looker, STOCK) + page(looker, url.replace("adjust", "change"))

    def test_is_open_to_clerks_with_the_permission(self, person: Person, url: str) -> None:
        clerk = person("view_stock", "change_stock")

        assert clerk.post(url, adjustment(1)).status_code == 302
        assert Stock.objects.get().on_hand == 11

    def test_of_nothing_is_not_found(self, staff: Client) -> None:
        assert staff.get(f"{STOCK}99999/adjust/").status_code == 404


class TestRecords:
    @pytest.fixture
    def order(self, shop: Shop) -> Order:
        shop.sets_aside("LAMP", 2)
        return shop.takes_order()

    @pytest.mark.parametrize("url", [ORDERS, PRICES, STOCK, LEDGER, RESERVATIONS, *LOGS])
    def test_can_be_read_by_those_who_may_look(self, looker: Client, order: Order, url: str) -> None:
        rows = rows_of(looker, url)

        assert rows
        assert "errornote" not in page(looker, f"{url}{rows[0].pk}/change/")

    @pytest.mark.parametrize("url", [ORDERS, PRICES, STOCK, LEDGER, RESERVATIONS, *LOGS])
    def test_cannot_be_written_by_anybody(self, staff: Client, order: Order, url: str) -> None:
        row = rows_of(staff, url)[0]

        answers = [staff.post(f"{url}{at}/", {"post": "yes"}).status_code for at in ("add", f"{row.pk}/change")]

        assert [*answers, staff.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code] == [403, 403, 403]
        act(staff, url, "delete_selected", row)
        assert type(row)._base_manager.filter(pk=row.pk).exists()

    def test_of_events_show_what_was_told(self, staff: Client, order: Order) -> None:
        event = LoggedEvent.objects.get(subject=str(order.id))

        shown = page(staff, f"{LOGS[0]}{event.pk}/change/")

        for text in ("orders.order-placed.v1", order.number, str(order.id), "Alva lamp"):
            assert text in shown

    def test_of_events_are_found_by_subject_and_correlation(self, staff: Client, shop: Shop) -> None:
        order, _ = shop.takes_order(confirmed=True), shop.takes_order()

        for wanted in (order.id, LoggedEvent.objects.filter(subject=str(order.id))[0].correlation_id or "none"):
            assert {row.subject for row in rows_of(staff, f"{LOGS[0]}?q={wanted}")} <= {str(order.id)}
        assert len(rows_of(staff, f"{LOGS[0]}?q={order.id}")) == 2

    def test_of_movements_are_found_by_order_and_sku(self, staff: Client, shop: Shop) -> None:
        order_id = shop.sets_aside("LAMP", 2)
        shop.offers("SHADE", on_hand=1)

        assert [(e.reason, e.reserved) for e in rows_of(staff, f"{LEDGER}?q={order_id}")] == [("reserved", 2)]
        assert [e.sku for e in rows_of(staff, f"{LEDGER}?q=SHADE")] == ["SHADE"]

    def test_of_what_is_set_aside_are_found_by_order(self, staff: Client, shop: Shop) -> None:
        order_id, _ = shop.sets_aside("LAMP", 2), shop.sets_aside("LAMP", 1)

        assert rows_of(staff, f"{RESERVATIONS}?q={order_id}") == [Reservation.objects.get(order_id=order_id)]
        assert rows_of(staff, f"{RESERVATIONS}?q=nonsense") == []

    def test_of_places_keep_their_code_and_are_not_deleted(self, staff: Client, shop: Shop) -> None:
        url = f"/admin/inventory/location/{Location.objects.get().pk}/"

        staff.post(f"{url}change/", {"name": "Hall", "code": "other", "rank": 3})

        place = Location.objects.get()
        assert (place.name, place.code, place.rank) == ("Hall", "main", 3)
        assert staff.post(f"{url}delete/", {"post": "yes"}).status_code == 403


class TestDeadLetters:
    """Orders told inventory something that it cannot handle: for now, or for good."""

    @pytest.fixture
    def broken(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
        """Inventory's handler of placed orders is out of order; undo the patch to mend it."""

        def refuse(wanted: object) -> None:
            raise RuntimeError("the scales are jammed")

        with monkeypatch.context() as patch:
            patch.setattr(inventory_handlers.services, "reserve_stock", refuse)
            patch.setattr("nexus.eventbus.delivery.PAUSE", 0)
            yield patch

    @pytest.fixture
    def letter(self, broken: pytest.MonkeyPatch) -> DeadLetter:
        assert hear(enclose(placed_order("LAMP", 4), sequence=1)).buried == 1
        return DeadLetter.objects.get()

    def test_are_seen_with_their_error(self, staff: Client, letter: DeadLetter) -> None:
        listed, opened = page(staff, LETTERS), page(staff, f"{LETTERS}{letter.pk}/change/")

        for shown in (listed, opened):
            assert "RuntimeError: the scales are jammed" in shown
            assert "waiting" in shown
        assert str(letter.event_id) in opened
        assert "&quot;quantity&quot;: 4" in opened

    def test_are_replayed_once_mended(self, staff: Client, letter: DeadLetter, broken: pytest.MonkeyPatch) -> None:
        broken.undo()

        told = [act(staff, LETTERS, "replay_events", letter) for _ in range(2)]

        assert told == [[("success", "1 replayed.")]] * 2
        assert Stock.objects.get().reserved == 4
        assert DeadLetter.objects.get().replayed_at
        assert [entry.change_message for entry in LogEntry.objects.all()] == ["Replayed."] * 2

    def test_say_when_they_fail_again(self, staff: Client, letter: DeadLetter) -> None:
        told = act(staff, LETTERS, "replay_events", letter)

        text = "Failed again: orders.order-placed.v1 for inventory: RuntimeError: the scales are jammed"
        assert told == [("warning", text)]
        again = DeadLetter.objects.get()
        assert (again.attempts, again.replayed_at) == (2, None)
        assert Stock.objects.get().reserved == 0

    def test_are_replayed_in_the_order_they_were_told(
        self, staff: Client, letter: DeadLetter, broken: pytest.MonkeyPatch
    ) -> None:
        hear(enclose(placed_order("LAMP", 7), sequence=1))
        broken.undo()

        act(staff, LETTERS, "replay_events", *DeadLetter.objects.order_by("-event_id"))

        # Ten lamps are there: only who came first gets any.
        assert Stock.objects.get().reserved == 4

    def test_that_cannot_be_read_are_seen_too(self, staff: Client, shop: Shop) -> None:
        [record] = msgspec.json.decode(encode([record_of(enclose(OrderShipped(order_id=uuid4()), sequence=1))]))
        record["data"] = {"order_id": "<script>"}

        deliver(member=members["inventory"], message=msgspec.json.encode([record]))

        shown = page(staff, LETTERS) + page(staff, f"{LETTERS}{DeadLetter.objects.get().pk}/change/")
        assert "Undecodable: orders.order-shipped.v1" in shown
        assert "<script>" not in shown.replace("<script>\n", "")

    def test_wait_or_were_replayed(self, staff: Client, letter: DeadLetter, broken: pytest.MonkeyPatch) -> None:
        hear(enclose(placed_order("LAMP", 1), sequence=1))
        broken.undo()
        act(staff, LETTERS, "replay_events", letter)

        [waiting], [replayed] = rows_of(staff, f"{LETTERS}?state=waiting"), rows_of(staff, f"{LETTERS}?state=replayed")

        assert replayed == letter
        assert waiting != letter

    def test_are_not_replayed_by_those_who_may_only_look(
        self, looker: Client, letter: DeadLetter, broken: pytest.MonkeyPatch
    ) -> None:
        broken.undo()

        act(looker, LETTERS, "replay_events", letter)

        assert Stock.objects.get().reserved == 0
        assert DeadLetter.objects.get().replayed_at is None
        assert "replay_events" not in page(looker, LETTERS) + page(looker, f"{LETTERS}{letter.pk}/change/")

    def test_are_replayed_by_clerks_with_the_permission(
        self, person: Person, letter: DeadLetter, broken: pytest.MonkeyPatch
    ) -> None:
        broken.undo()
        clerk = person("view_deadletter", "change_deadletter")

        assert 'value="replay_events"' in page(clerk, f"{LETTERS}{letter.pk}/change/")
        assert act(clerk, LETTERS, "replay_events", letter) == [("success", "1 replayed.")]

    def test_cannot_be_written(self, staff: Client, letter: DeadLetter) -> None:
        posted = [staff.post(f"{LETTERS}{at}/", {"post": "yes"}) for at in ("add", f"{letter.pk}/change")]

        assert [answer.status_code for answer in posted] == [403, 403]
        assert staff.post(f"{LETTERS}{letter.pk}/delete/", {"post": "yes"}).status_code == 403


class TestFilters:
    @pytest.mark.parametrize("url", [ORDERS, PRICES, STOCK, LEDGER, RESERVATIONS, LETTERS])
    def test_can_be_counted(self, staff: Client, shop: Shop, url: str) -> None:
        assert "Hide counts" in page(staff, f"{url}?_facets=True")


class TestManyRows:
    @pytest.mark.parametrize("url", [ORDERS, PRICES, STOCK, LEDGER, RESERVATIONS, LETTERS, *LOGS])
    def test_cost_no_more_queries_than_few(
        self, staff: Client, shop: Shop, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nexus.eventbus.delivery.PAUSE", 0)
        self._fill(shop, "FIRST")
        few, before = queries(staff, url), len(rows_of(staff, url))

        for number in range(6):
            self._fill(shop, f"MORE-{number}")

        assert len(rows_of(staff, url)) >= before + 6
        assert queries(staff, url) == few

    def _fill(self, shop: Shop, sku: str) -> None:
        shop.offers(sku, on_hand=1)
        shop.takes_order()
        shop.sets_aside(sku, 1)
        place = inventory.add_location(code=sku.lower(), name=sku, rank=9)
        inventory.adjust_stock(sku=sku, quantity=1, reason=Reason.RECEIVED, location=place.code)
        assert hear(enclose(placed_order("LAMP", -3_000_000_000), sequence=1)).buried == 1

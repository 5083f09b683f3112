"""
The same shop with a guard taken away, and the one fault that the guard is there for: the checks must report it.

No luck is needed: each scenario waits until the damage is certain.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from tests.chaos.checker import Finding, check, read_books, verify
from tests.chaos.customers import Customers, Purchase
from tests.chaos.goods import Goods, stocked
from tests.chaos.nemesis import unbound
from tests.chaos.result import Result
from tests.chaos.sabotage import CONSTRAINT
from tests.chaos.shop import CREWS, RELAYS, Shop
from tests.eventually import eventually

ORDERS = 20
PATIENCE = 120.0
"""Seconds for what happens in a moment on a machine that has nothing else to do."""
RESERVERS = next(name for name in CREWS if "inventory" in name)

POSITION = "SELECT position FROM relay_cursor WHERE consumer LIKE 'orders > rabbitmq %%'"
GO_BACK = "UPDATE relay_cursor SET position = %s WHERE consumer LIKE 'orders > rabbitmq %%'"
HINT = "SELECT 1 FROM orders_stockhint WHERE sku = %s AND available > 0"


def control(shop: Shop, guard: str) -> Result:
    """
    Do without the guard and meet its fault; the result tells the damage that was not there before.

    A first order goes all the way, which shows that the processes without the guard are at work.
    """
    before = frozenset(read_books(shop).statuses)
    known = {finding.name: finding.count for finding in _all_that_is_broken(shop, [], before)}
    customers = _customers(shop, guard)
    try:
        with _without(shop, guard):
            customers.allow(1)
            customers.wait_until_placed(1)
            _wait_until_settled(shop, customers)
            SCENARIOS[guard](shop, customers)
    finally:
        customers.give_up()
    found = _all_that_is_broken(shop, customers.history, before)
    return Result(
        title=f"chaos without {guard}",
        faults={SCENARIOS[guard].__name__.replace("_", " "): 1},
        statuses=read_books(shop, before=before).ours(),
        findings=[replace(f, count=more) for f in found if (more := f.count - known.get(f.name, 0)) > 0],
        absorbed=shop.absorbed(),
        max_log_age=shop.max_log_age,
    )


def _all_that_is_broken(shop: Shop, history: Sequence[Purchase], before: frozenset[str]) -> list[Finding]:
    return [*verify(shop, within=1), *check(shop, history, before=before)]


def lose_a_broker(shop: Shop, customers: Customers) -> None:
    """It hangs while the relay sends, and dies with what it has not read."""
    shop.broker.pause()
    customers.finish()
    _wait_until_sent(shop)
    shop.broker.kill()
    shop.broker.start()


def lose_a_binding(shop: Shop, customers: Customers) -> None:
    """Orders are told while nobody is bound to hear it."""
    with unbound(shop, "inventory orders.order-placed.v1"):
        customers.finish()
        _wait_until_sent(shop)


def send_twice(shop: Shop, customers: Customers) -> None:
    """The relay dies after it has sent and before it has remembered that."""
    [[position]] = shop.sql("orders", POSITION)
    customers.finish()
    _wait_until_settled(shop, customers)
    for relay in RELAYS:
        shop.signal(relay, signal.SIGSTOP)
    shop.sql("orders", GO_BACK, position)
    shop.restart(*RELAYS)
    eventually(lambda: max(shop.taken_effect("inventory").values()) > 1, within=PATIENCE, every=0.2)


def sell_what_is_not_there(shop: Shop, customers: Customers) -> None:
    """Everybody wants the same few pieces."""
    customers.finish()
    _wait_until_settled(shop, customers)


SCENARIOS: dict[str, Callable[[Shop, Customers], None]] = {
    "confirms": lose_a_broker,
    "mandatory": lose_a_binding,
    "inbox": send_twice,
    "guard": sell_what_is_not_there,
}
AFFECTED = {"confirms": RELAYS, "mandatory": RELAYS, "inbox": (RESERVERS,), "guard": (RESERVERS,)}


@contextmanager
def _without(shop: Shop, guard: str) -> Iterator[None]:
    """The processes that have the guard are started anew without it, and with it in the end."""
    if guard == "guard":
        shop.sql("inventory", CONSTRAINT)
    shop.without = guard
    shop.restart(*AFFECTED[guard])
    try:
        yield
    finally:
        shop.without = ""
        shop.restart(*AFFECTED[guard])


def _customers(shop: Shop, guard: str) -> Customers:
    goods = stocked(shop, orders=ORDERS)
    if guard == "guard":
        goods = Goods(plain=goods.hot[:1], hot=goods.hot[:1])
        eventually(lambda: shop.sql("orders", HINT, goods.hot[0]), within=PATIENCE)
    return Customers(shop, goods, name=guard, orders=1 + ORDERS)


def _wait_until_sent(shop: Shop) -> None:
    eventually(lambda: not shop.oldest_unsent(), within=PATIENCE)


def _wait_until_settled(shop: Shop, customers: Customers) -> None:
    def settled() -> bool:
        statuses = read_books(shop).statuses
        return all(statuses.get(each.order_id) != "placed" for each in customers.history)

    eventually(settled, within=PATIENCE, every=0.1)

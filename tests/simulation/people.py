"""Customers, the shop's staff, and catalog and accounts, of which only the news comes here."""

import random
from collections.abc import Sequence
from uuid import UUID

from nexus.contracts.accounts import CustomerErased
from nexus.contracts.base import enclose, uuid7
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.correlation import Cause, caused_by
from nexus.contracts.errors import NexusError
from nexus.inventory import services as inventory
from nexus.inventory.models import ADJUSTMENTS
from nexus.orders import services as orders
from tests.simulation.broker import Elsewhere, Note
from tests.simulation.faults import Died, Faults
from tests.simulation.history import History, Request

CURRENCY = "EUR"
HOT = ("HOT-1", "HOT-2")
SHELVES = {
    # sku: how many at (main, annex)
    "HOT-1": (3, 0),
    "HOT-2": (2, 2),
    "CALM-1": (9, 0),
    "CALM-2": (1, 1),
    "CALM-3": (0, 0),
    "CALM-4": (20, 5),
}
PLACES = ("main", "annex")
FULFILMENT = {"confirmed": "ship", "shipped": "deliver", "delivered": "return"}


class People:
    """Everybody who asks the services for something. Each method is one turn."""

    def __init__(self, *, dice: random.Random, faults: Faults, elsewhere: Elsewhere, note: Note) -> None:
        self.history = History()
        self._dice, self._faults, self._elsewhere, self._note = dice, faults, elsewhere, note
        self._customers = [uuid7() for _ in range(2)]
        self._skus = [*HOT, *dice.sample([sku for sku in SHELVES if sku not in HOT], k=dice.randint(0, 2))]
        self._versions = dict.fromkeys(SHELVES, 1)

    # -- customers

    def place(self) -> None:
        """A new order, with an Idempotency-Key or, now and then, without."""
        wanted = self._dice.sample(self._skus, k=self._dice.randint(1, min(3, len(self._skus))))
        lines = {sku: self._dice.choice((1, 1, 2, 3)) for sku in wanted}
        customer_id = self._dice.choice(self._customers)
        key = f"key {len(self.history.requests)}" if self._dice.random() < 0.8 else ""
        keyed = [request for request in self.history.requests.values() if request.key]
        if keyed and self._faults.happens("key used for another request"):
            earlier = self._dice.choice(keyed)
            customer_id, key = earlier.customer_id, earlier.key
        self._send(self.history.ask(customer_id=customer_id, key=key, lines=lines))

    def ask_again(self) -> None:
        """A customer repeats a request: without an answer because there was none, or although there was one."""
        keyed = [request for request in self.history.requests.values() if request.key]
        unanswered = [request for request in keyed if not request.answered]
        if unanswered:
            self._send(self._dice.choice(unanswered))
        elif keyed and self._faults.happens("request sent twice"):
            self._send(self._dice.choice(keyed))

    def cancel(self) -> None:
        """A customer calls an order off."""
        requests = [request for request in self.history.requests.values() if request.answered]
        if requests:
            request = self._dice.choice(requests)
            order_id = request.answered[-1]
            self._command("cancel", order_id, customer_id=request.customer_id)

    # -- staff

    def fulfil(self, statuses: Sequence[tuple[UUID, str]]) -> None:
        """Staff ship, take for delivered, or take back: mostly what can be, sometimes what cannot."""
        fitting = [(order_id, FULFILMENT[status]) for order_id, status in statuses if status in FULFILMENT]
        if fitting and self._dice.random() < 0.9:
            order_id, verb = self._dice.choice(fitting)
            verb = "return" if verb == "deliver" and self._dice.random() < 0.5 else verb
        elif statuses:
            order_id, verb = self._dice.choice(statuses)[0], self._dice.choice(("ship", "deliver", "return", "cancel"))
        else:
            return
        self._command(verb, order_id)

    def adjust(self) -> None:
        """Staff receive, count or write off."""
        sku, place = self._dice.choice(self._skus), self._dice.choice(PLACES)
        quantity, reason = self._dice.choice((-3, -1, 1, 2, 5)), self._dice.choice(ADJUSTMENTS)
        said = f"adjusts {sku} at {place} by {quantity:+}"
        try:
            with self._faults.strike("inventory", self._faults.first_of("request died")):
                entry = inventory.adjust_stock(sku=sku, quantity=quantity, reason=reason, location=place)
        except Died:
            self._note(f"{said}: the request died")
        except NexusError as refusal:
            self._note(f"{said}: {type(refusal).__name__}")
        else:
            self.history.adjusted.append(entry.cause_id)
            self._note(said)

    # -- elsewhere

    def change_an_offer(self) -> None:
        """Catalog tells another price, and now and then that a sku is not for sale for a while."""
        sku = self._dice.choice(self._skus)
        self._versions[sku] += 1
        price, sellable = self._dice.randint(1, 99), self._dice.random() < 0.8
        self.offer(sku, price=price, sellable=sellable)

    def offer(self, sku: str, *, price: int, sellable: bool) -> None:
        """Catalog tells what a sku costs."""
        version = self._versions[sku]
        event = OfferChanged(sku=sku, name=sku, prices={CURRENCY: price}, sellable=sellable, version=version)
        self._elsewhere.tell(enclose(event, sequence=version))
        self._note(f"offers {sku} at {price}{'' if sellable else ', not for sale'}")

    def erase_a_customer(self) -> None:
        """Accounts tells that a customer wants to be forgotten."""
        customer_id = self._dice.choice(self._customers)
        self._elsewhere.tell(enclose(CustomerErased(customer_id=customer_id), sequence=2))
        self._note("erases a customer")

    # -- how they ask

    def _send(self, request: Request) -> None:
        said = f"sends {request.name} ({request.key or 'no key'}): {dict(request.lines)}"
        lines = [orders.Line(sku=sku, quantity=n, position=at) for at, (sku, n) in enumerate(request.lines.items())]
        claim = orders.Claim(key=request.key, fingerprint=repr(request.lines)) if request.key else None
        try:
            bolt = self._faults.strike("orders", self._faults.first_of("request died"))
            with caused_by(Cause(correlation_id=request.name)), bolt:
                placement = orders.place_order(
                    customer_id=request.customer_id, lines=lines, currency=CURRENCY, claim=claim
                )
        except Died:
            self._note(f"{said}: the request died")
        except NexusError as refusal:
            self._note(f"{said}: {type(refusal).__name__}")
        else:
            self._hear(request, placement, said)

    def _hear(self, request: Request, placement: orders.Placement, said: str) -> None:
        if self._faults.happens("answer lost"):
            self._note(f"{said}: the answer was lost")
            return
        request.answered.append(placement.order.id)
        self._note(f"{said}: {'again ' if placement.replayed else ''}{placement.order.number}")

    def _command(self, verb: str, order_id: UUID, **named: UUID) -> None:
        said = f"{verb}s {order_id}"
        try:
            with self._faults.strike("orders", self._faults.first_of("request died")):
                getattr(orders, f"{verb}_order")(order_id=order_id, **named)
        except Died:
            self._note(f"{said}: the request died")
        except NexusError as refusal:
            self._note(f"{said}: {type(refusal).__name__}")
        else:
            self.history.done.append((verb, order_id))
            self._note(said)

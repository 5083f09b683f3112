"""
Customers who never give up: each sends its order again, under the same key, until it gets an answer that counts.

What they were answered is the history that the checker holds against the databases.
"""

import json
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from tests.chaos.goods import Goods
from tests.journeys.system import Answer, System

ORDERS = "/api/v1/orders"
PATIENCE = 120.0
LONGEST_PAUSE = 1.0
CANCELLED, ASKED_AGAIN = 0.08, 0.05


@dataclass
class Purchase:
    """One key and what came of it. `answer` is the first that counted, None when none ever came."""

    key: str
    body: dict[str, Any]
    attempts: int = 0
    status: int = 0
    answer: dict[str, Any] | None = None
    answered_again: list[dict[str, Any]] = field(default_factory=list)
    cancelled: bool = False

    @property
    def order_id(self) -> str:
        """Of the order that we were told we have; empty when we have none."""
        return self.answer["id"] if self.answer and self.status == 201 else ""


class Customers:
    """Place `orders` orders by and by, as many as `allow` lets them begin; what they want is a function of `name`."""

    def __init__(self, shop: System, goods: Goods, *, name: str, orders: int, buyers: int = 6) -> None:
        self.shop, self.goods, self.name, self.orders = shop, goods, name, orders
        self.history: list[Purchase] = []
        self.accepted_at: list[float] = []
        """When each order was accepted, by the monotonic clock."""
        self.statuses = Counter[int]()
        """How often the shop answered so, retries included; 0 for no answer at all."""
        self._allowed = self._begun = self._placed = 0
        self._turn = threading.Condition()
        self._token, self._token_lock = "", threading.Lock()
        self._pool = ThreadPoolExecutor(buyers)
        self._buyers: list[Future[None]] = [self._pool.submit(self._buy_on, number) for number in range(buyers)]

    def allow(self, orders: int) -> None:
        """Let so many more begin."""
        with self._turn:
            self._allowed = min(self.orders, self._allowed + orders)
            self._turn.notify_all()

    @contextmanager
    def coming_in(self, rate: float) -> Iterator[None]:
        """Meanwhile so many a second begin, however long those before them wait."""
        over = threading.Event()

        def come() -> None:
            began, let_in = time.monotonic(), 0
            while not over.wait(1 / rate):
                due = int((time.monotonic() - began) * rate)
                self.allow(due - let_in)
                let_in = due

        door = threading.Thread(target=come)
        door.start()
        try:
            yield
        finally:
            over.set()
            door.join()

    def wait_until_placed(self, orders: int, *, within: float = 300) -> None:
        """Return when so many orders have got their answer."""
        with self._turn:
            assert self._turn.wait_for(lambda: self._placed >= orders or self._failed(), within), "nobody buys any more"

    def finish(self) -> None:
        """Let all begin that have not yet, and return when all have their answers; raises what a buyer raised."""
        self.allow(self.orders)
        for buyer in self._buyers:
            buyer.result()
        self._pool.shutdown()

    def give_up(self) -> None:
        """Begin no more."""
        with self._turn:
            self.orders = self._begun
            self._turn.notify_all()
        self._pool.shutdown()

    def write_down(self, file: Path) -> None:
        """Keep the history, a line of JSON for each purchase."""
        file.write_text("".join(json.dumps(asdict(purchase)) + "\n" for purchase in self.history))

    def _failed(self) -> bool:
        return any(buyer.done() and buyer.exception() for buyer in self._buyers)

    def _buy_on(self, buyer: int) -> None:
        dice, mine = random.Random(f"{self.name} buyer {buyer}"), deque[Purchase](maxlen=20)
        while (number := self._take_turn()) is not None:
            mine.append(self._place(number))
            with self._turn:
                self._placed += 1
                self._turn.notify_all()
            if dice.random() < ASKED_AGAIN:
                self._ask_again(dice.choice(mine))
            if dice.random() < CANCELLED:
                self._cancel(dice.choice(mine))

    def _take_turn(self) -> int | None:
        with self._turn:
            self._turn.wait_for(lambda: self._begun < self._allowed or self._begun >= self.orders)
            if self._begun >= self.orders:
                return None
            self._begun += 1
            return self._begun

    def _place(self, number: int) -> Purchase:
        dice = random.Random(f"{self.name} order {number}")
        purchase = self._send(f"{self.name} {number}", self.goods.basket(dice))
        if purchase.status == 409:
            # Known to be sold out: then something else.
            purchase = self._send(f"{purchase.key} instead", self.goods.basket(dice, hot=False))
        return purchase

    def _send(self, key: str, body: dict[str, Any]) -> Purchase:
        purchase = Purchase(key=key, body=body)
        with self._turn:
            self.history.append(purchase)
        answer, purchase.attempts = self._insist(ORDERS, body, key)
        purchase.status, purchase.answer = answer.status, answer.body
        if purchase.order_id:
            self.accepted_at.append(time.monotonic())
        return purchase

    def _ask_again(self, purchase: Purchase) -> None:
        if purchase.order_id:
            answer, _ = self._insist(ORDERS, purchase.body, purchase.key)
            purchase.answered_again.append(answer.body)

    def _cancel(self, purchase: Purchase) -> None:
        if purchase.order_id:
            answer, _ = self._insist(f"{ORDERS}/{purchase.order_id}/cancel", None, f"cancel {purchase.key}")
            purchase.cancelled |= answer.status == 200

    def _insist(self, path: str, body: Any, key: str) -> tuple[Answer, int]:
        """The first answer that is about the order and not about the shop's troubles, and how many tries it took."""
        deadline, attempts = time.monotonic() + PATIENCE, 0
        while time.monotonic() < deadline:
            attempts += 1
            try:
                answer = self.shop.call("POST", path, body, Authorization=self._log_in(), Idempotency_Key=key)
            except urllib3.exceptions.HTTPError:
                answer = Answer(status=0, headers={}, body=None)
            with self._turn:
                self.statuses[answer.status] += 1
            if answer.status == 401:
                self._token = ""
            elif 200 <= answer.status < 500 and (answer.body or {}).get("code") != "in_progress":
                return answer, attempts
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.05 * 2**attempts)))
        raise TimeoutError(f"{path} with key {key}: no answer within {PATIENCE:.0f} s")

    def _log_in(self) -> str:
        with self._token_lock:
            if not self._token:
                answer = self.shop.call("POST", "/api/v1/accounts/token", self.shop.demo()["customer"])
                if answer.status != 200:
                    raise urllib3.exceptions.HTTPError(f"logging in was answered {answer.status}")
                self._token = f"Bearer {answer.body['access_token']}"
            return self._token

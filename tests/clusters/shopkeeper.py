"""Somebody who renames products, one after the other, each until the shop says that it is done."""

import json
import threading
import time
from collections.abc import Sequence
from typing import Any

import urllib3
from pymongo.database import Database

from tests.chaos.checker import Finding
from tests.journeys.system import System

AGAIN_AFTER = 0.2
TOLD = "catalog.offer-changed.v1"


class Shopkeeper:
    """`rate` changes a second; the new names are numbers that rise."""

    def __init__(self, shop: System, *, rate: float = 5.0) -> None:
        self.shop, self.rate = shop, rate
        self.done: dict[int, str] = {}
        """The product behind each change that was answered with yes."""
        self.done_at: list[float] = []
        self._slugs = [each["slug"] for each in shop.call("GET", "/api/v1/products?page_size=20").body["results"]]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._staff = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def findings(self, catalog: Database[dict[str, Any]]) -> list[Finding]:
        """Changes that are not there, or that nobody was told of."""
        told = {json.loads(row["data"])["name"] for row in catalog["event_log"].find({"type": TOLD}, {"data": 1})}
        last = {slug: number for number, slug in sorted(self.done.items())}
        untold = [str(number) for number in self.done if not any(_is(name, number) for name in told)]
        gone = [slug for slug, number in last.items() if self._shown(slug) < number]
        return [
            *_lost("a change that was answered is told", untold),
            *_lost("a change that was answered is there", gone),
        ]

    def _work(self) -> None:
        number = 0
        while not self._over.wait(1 / self.rate):
            slug = self._slugs[number % len(self._slugs)]
            number += 1
            while not self._rename(slug, number):
                if self._over.wait(AGAIN_AFTER):
                    return
            self.done[number] = slug
            self.done_at.append(time.monotonic())

    def _rename(self, slug: str, number: int) -> bool:
        try:
            self._staff = self._staff or self.shop.log_in("staff")
            path, body = f"/api/v1/products/{slug}", {"name": f"Change {number}."}
            status = self.shop.call("PATCH", path, body, Authorization=self._staff).status
        except (urllib3.exceptions.HTTPError, AssertionError):
            return False
        if status == 401:
            self._staff = ""
        return status == 200

    def _shown(self, slug: str) -> int:
        name: str = self.shop.call("GET", f"/api/v1/products/{slug}").body["name"]
        return int(name.removeprefix("Change ").rstrip(".")) if name.startswith("Change ") else 0


def _is(name: str, number: int) -> bool:
    # The name of a variant may follow.
    return name.startswith(f"Change {number}.")


def _lost(name: str, offenders: Sequence[str]) -> list[Finding]:
    return [Finding(name, "lost", len(offenders), offenders[0])] if offenders else []

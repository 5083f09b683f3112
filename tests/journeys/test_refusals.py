"""Orders for what is sold out, taken over before a task begins and refused together."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connections

from nexus.asgi import application
from nexus.orders import services
from nexus.orders.api import refusals
from nexus.orders.api.refusals import desk
from nexus.orders.models import PlacementClaim, Price, StockHint
from nexus.orders.selectors import looking
from nexus.telemetry.tallies import tally
from nexus.web.express import Exchange, pipe
from tests.conftest import Bearer
from tests.journeys.asking import Asked, ask, in_a_new_loop, shape
from tests.journeys.trading import DATABASES
from tests.scopes import scope

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


async def sent(*requests: dict[str, Any]) -> list[Any]:
    """
    The answers to requests that came at once, as a server would have them. What was taken over has "taken" in front, or
    "handled" if it was handled as any other in the end.
    """
    return list(await asyncio.gather(*map(_sent, requests)))


async def in_a_thread(do: Callable[..., Any], **more: Any) -> Any:
    """What it returns, with no connection left behind."""

    def doing() -> Any:
        try:
            return do(**more)
        finally:
            connections.close_all()

    return await asyncio.to_thread(doing)


async def known(order: Any) -> Any:
    """The refusal of an order for a sku that is sold out, on the express lane: the desk has heard of it then."""
    await ask(order())
    return await ask(order())


async def _sent(request: dict[str, Any]) -> Any:
    headers = [("host", "localhost"), ("content-length", str(len(request["body"]))), *request["headers"]]
    asked = scope(request["path"], method=request["method"], headers=headers, query=request.get("query", ""))
    heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if not application.take_over(asked, request["body"], heard.set_result):
        return await ask(request)
    async with asyncio.timeout(20):
        answer = await heard
    tally().write()
    if answer is None:
        return ("handled", *await _handled(asked, request["body"]))
    status, lines, body = answer
    return "taken", status, dict(line.split(": ", 1) for line in lines.decode().splitlines()), json.loads(body)


async def _handled(asked: Any, body: bytes) -> tuple[int, dict[str, str], Any]:
    said: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await application(asked, receive, send)
    got = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return said[0]["status"], got, json.loads(b"".join(message.get("body", b"") for message in said[1:]))


def sell_out(sku: str = "LAMP") -> None:
    StockHint.objects.filter(sku=sku).update(available=0)


def keyed(order: Any, key: str = "", body: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = order(body, ("idempotency-key", key or str(uuid4())))
    return made


class TestSoldOut:
    @pytest.mark.parametrize("key", [(), (("idempotency-key", "first time"),)], ids=["no key", "a key"])
    def test_is_refused_together_as_it_is_alone(self, asked: Asked, order: Any, key: Any) -> None:
        sell_out()

        async def scene() -> tuple[Any, list[Any]]:
            await known(order)
            alone = await ask(order(None, *key))
            return alone, await sent(*[order(None, *key)] * 20)

        alone, together = in_a_new_loop(scene())

        assert (alone[0], alone[2]["code"]) == (409, "out_of_stock")
        its_own = {"x-request-id", "ratelimit"}
        assert {each[0] for each in together} == {"taken"}
        assert all(shape(each[1:], without=its_own) == shape(alone, without=its_own) for each in together)
        assert len({each[3]["trace_id"] for each in together}) == 20
        assert asked.ordinarily == 1, "the first, for which the keys of tokens had to be fetched"

    def test_costs_one_statement_and_one_question_for_all(
        self, asked: Asked, bearer: Bearer, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sell_out()
        settings.RATE_LIMIT = (1200, 60)
        tokens = [("authorization", bearer()["HTTP_AUTHORIZATION"]) for _ in range(20)]
        body = json.dumps({"lines": [{"sku": "LAMP", "quantity": 1}]}).encode()
        wanted = [
            {
                "method": "POST",
                "path": "/api/v1/orders",
                "body": body,
                "headers": [("content-type", "application/json"), ("idempotency-key", "k"), token],
            }
            for token in tokens
        ]
        looks: list[Any] = []
        look = looking.line.ask

        async def counted(*parameters: bytes) -> Any:
            looks.append(parameters)
            return await look(*parameters)

        monkeypatch.setattr(looking.line, "ask", counted)
        questions: list[bytes] = []

        async def scene() -> list[Any]:
            await ask(wanted[0])
            await ask(wanted[0])
            question = pipe.redis().ask

            def listening(*words: bytes) -> Any:
                questions.append(words[0])
                return question(*words)

            monkeypatch.setattr(pipe.redis(), "ask", listening)
            return await sent(*wanted)

        answers = in_a_new_loop(scene())

        assert {each[:2] for each in answers} == {("taken", 409)}
        assert len(looks) == 1
        assert questions == [b"EVALSHA"]

    def test_is_forgotten_as_soon_as_there_is_more(self, asked: Asked, order: Any) -> None:
        sell_out()

        async def scene() -> list[Any]:
            await known(order)
            [refused] = await sent(order())
            await in_a_thread(StockHint.objects.filter(sku="LAMP").update, available=5)
            return [refused, *await sent(order(), order()), desk.knows_anything]

        refused, one, other, knows = in_a_new_loop(scene())

        assert refused[:2] == ("taken", 409)
        assert (one[:2], other[:2]) == (("handled", 201), ("handled", 201))
        assert not knows

    def test_is_forgotten_of_one_while_another_is_still_gone(self, asked: Asked, order: Any) -> None:
        sell_out()
        sell_out("SHADE")
        shade = {"lines": [{"sku": "SHADE", "quantity": 1}]}

        async def scene() -> list[Any]:
            await known(order)
            await ask(order(shade))
            await in_a_thread(StockHint.objects.filter(sku="LAMP").update, available=5)
            return [*await sent(order(), order(shade)), dict(desk._sold_out)]

        of_lamp, of_shade, knows = in_a_new_loop(scene())

        assert (of_lamp[:2], of_shade[:2]) == (("handled", 201), ("taken", 409))
        assert list(knows) == ["SHADE"]

    def test_is_not_said_of_what_is_not_for_sale_any_more(self, asked: Asked, order: Any) -> None:
        sell_out()

        async def scene() -> list[Any]:
            await known(order)
            await in_a_thread(Price.objects.filter(sku="LAMP").update, sellable=False)
            return await sent(order())

        [answer] = in_a_new_loop(scene())

        assert (answer[:2], answer[3]["code"]) == (("handled", 400), "not_for_sale")

    @pytest.mark.parametrize("other", [{"sku": "NONE", "quantity": 1}, {"sku": "SHADE", "quantity": 1}])
    def test_stays_known_whatever_else_somebody_wants(self, asked: Asked, order: Any, other: Any) -> None:
        """One who asks for nonsense beside it must not turn the desk off for all."""
        sell_out()
        Price.objects.filter(sku="SHADE").update(sellable=False)
        odd = {"lines": [{"sku": "LAMP", "quantity": 1}, other]}

        async def scene() -> list[Any]:
            await known(order)
            return [*await sent(order(), order(odd), order()), desk.knows_anything]

        one, of_both, another, knows = in_a_new_loop(scene())

        assert (one[:2], another[:2], knows) == (("taken", 409), ("taken", 409), True)
        assert (of_both[:2], of_both[3]["code"]) == (("handled", 400), "not_for_sale")

    def test_concerns_whoever_wants_it_among_others(self, asked: Asked, order: Any) -> None:
        sell_out()
        both = {"lines": [{"sku": "SHADE", "quantity": 1}, {"sku": "LAMP", "quantity": 1}]}

        async def scene() -> list[Any]:
            await known(order)
            return await sent(order(both), order({"lines": [{"sku": "SHADE", "quantity": 1}]}), order())

        of_both, of_shade, of_lamp = in_a_new_loop(scene())

        assert (of_both[:2], of_both[3]["errors"][0]["field"]) == (("taken", 409), "lines.1.sku")
        assert of_shade[0] == 201
        assert (of_lamp[:2], of_lamp[3]["errors"][0]["field"]) == (("taken", 409), "lines.0.sku")


class TestAKey:
    def test_that_placed_an_order_gets_its_answer_again(self, asked: Asked, order: Any) -> None:
        bought = keyed(order, "before it was sold out")

        async def scene() -> tuple[Any, list[Any]]:
            first = await ask(bought)
            await in_a_thread(sell_out)
            await known(order)
            return first, await sent(keyed(order), bought, keyed(order))

        first, (before, again, after) = in_a_new_loop(scene())

        assert (again[:2], again[3]) == (("handled", 201), first[2])
        assert again[2]["idempotent-replayed"] == "true"
        assert before[:2] == after[:2] == ("taken", 409)

    def test_used_for_something_else_is_refused_as_such(self, asked: Asked, order: Any) -> None:
        async def scene() -> list[Any]:
            await ask(keyed(order, "for a shade", {"lines": [{"sku": "SHADE", "quantity": 1}]}))
            await in_a_thread(sell_out)
            await known(order)
            return await sent(keyed(order, "for a shade"))

        [answer] = in_a_new_loop(scene())

        assert (answer[:2], answer[3]["code"]) == (("handled", 422), "idempotency_key_reused")

    def test_refused_places_nothing_and_may_be_used_again(self, asked: Asked, order: Any) -> None:
        sell_out()
        wanted = keyed(order, "again when there is more")

        async def scene() -> list[Any]:
            await known(order)
            [refused] = await sent(wanted)
            claims = await in_a_thread(PlacementClaim.objects.filter(key="again when there is more").count)
            await in_a_thread(StockHint.objects.filter(sku="LAMP").update, available=5)
            return [refused, claims, *await sent(wanted)]

        refused, claims, placed = in_a_new_loop(scene())

        assert (refused[:2], placed[:2]) == (("taken", 409), ("handled", 201))
        assert claims == 0


class TestWhoeverIs:
    @pytest.mark.parametrize(
        "change",
        [
            {"query": "a=1"},
            {"prefer": "wait=1"},
            {"content-type": "text/plain"},
            {"authorization": "Bearer nonsense"},
            {"idempotency-key": "a\tb"},
            {"body": b'{"lines": [{"sku": "LAMP", "quantity": 0}]}'},
            {"body": b'{"lines": [{"sku": "LAMP", "quantity": 1}], "note": "%b"}' % (b"x" * 490)},
            {"body": b"{"},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_unusual_goes_the_usual_way(self, asked: Asked, order: Any, change: dict[str, Any]) -> None:
        sell_out()
        request = order()
        own = {name: change.pop(name) for name in ("query", "body") if name in change}
        headers = [each for each in request["headers"] if each[0] not in change] + list(change.items())

        async def scene() -> list[Any]:
            await known(order)
            return await sent(request | {"headers": headers} | own)

        [answer] = in_a_new_loop(scene())

        assert isinstance(answer[0], int)

    def test_named_in_another_form_is_the_same(self, asked: Asked, order: Any, bearer: Bearer) -> None:
        sell_out()
        token = ("authorization", bearer(sub=f"urn:uuid:{uuid4()}")["HTTP_AUTHORIZATION"])
        odd = order() | {"headers": [("content-type", "application/json"), token, ("idempotency-key", "k")]}

        async def scene() -> list[Any]:
            await known(order)
            return await sent(order(), odd)

        answers = in_a_new_loop(scene())

        assert [each[:2] for each in answers] == [("taken", 409)] * 2

    def test_one_too_many_is_told_so(self, asked: Asked, order: Any, settings: Any) -> None:
        sell_out()
        settings.RATE_LIMIT = (10, 3600)

        async def scene() -> list[Any]:
            await known(order)
            return await sent(*[order()] * 20)

        answers = in_a_new_loop(scene())

        assert sorted(each[1] for each in answers) == [409] * 8 + [429] * 12
        refused = next(each for each in answers if each[1] == 429)
        assert (refused[3]["code"], int(refused[2]["retry-after"]) > 0) == ("rate_limited", True)
        assert refused[2]["ratelimit"].startswith('"default";r=0')

    def test_handled_after_all_is_counted_once(self, asked: Asked, order: Any, settings: Any) -> None:
        sell_out()
        settings.RATE_LIMIT = (10, 3600)

        async def scene() -> list[Any]:
            await known(order)
            await in_a_thread(StockHint.objects.filter(sku="LAMP").update, available=50)
            return await sent(*[order()] * 8)

        answers = in_a_new_loop(scene())

        assert [each[:2] for each in answers] == [("handled", 201)] * 8

    def test_is_let_in_without_redis(self, asked: Asked, order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        sell_out()

        async def scene() -> list[Any]:
            await known(order)
            pipe.redis()._fail("for a test")
            pipe.redis()._resting_until = float("inf")
            return await sent(order(), order())

        answers = in_a_new_loop(scene())

        assert [each[:2] for each in answers] == [("taken", 409)] * 2


class TestThePostgres:
    def test_that_fails_is_not_asked_by_the_desk_again(
        self, asked: Asked, order: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sell_out()

        async def fails(*_: Any, **__: Any) -> Any:
            raise OperationalError("no connection")

        async def scene() -> list[Any]:
            await known(order)
            monkeypatch.setattr(services, "find_sold_out", fails)
            monkeypatch.setattr(services, "place_together", fails)
            return [*await sent(order(), order()), *await sent(order())]

        *answers, later = in_a_new_loop(scene())

        assert [each[:2] for each in answers] == [("handled", 503)] * 2
        assert later[0] == 503

    def test_that_hangs_is_not_waited_for(self, asked: Asked, order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        sell_out()
        monkeypatch.setattr(refusals, "LONGEST_WAIT", 0.1)

        async def hangs(*_: Any) -> Any:
            await asyncio.Event().wait()

        async def scene() -> list[Any]:
            await known(order)
            monkeypatch.setattr(services, "find_sold_out", hangs)
            return await sent(order(), order())

        answers = in_a_new_loop(scene())

        assert [each[:2] for each in answers] == [("handled", 409)] * 2


class TestTheDesk:
    def test_has_only_so_much_room(self, asked: Asked, order: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        sell_out()
        monkeypatch.setattr(refusals, "MOST_WAITING", 2)

        async def scene() -> list[Any]:
            await known(order)
            return await sent(*[order()] * 4)

        answers = in_a_new_loop(scene())

        assert [each[0] for each in answers] == ["taken", "taken", 409, 409]

    def test_answers_though_nobody_could_be_counted(
        self, asked: Asked, order: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sell_out()

        async def fails(_: Any) -> Any:
            raise RuntimeError

        async def scene() -> list[Any]:
            await known(order)
            monkeypatch.setattr(Exchange, "admit_all", fails)
            return [*await sent(order(), order()), *await sent(order())]

        answers = in_a_new_loop(scene())

        assert [each[:2] for each in answers] == [("taken", 409)] * 3

    def test_remembers_the_newest_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(refusals, "MOST_SKUS", 3)
        mine = refusals.SoldOutDesk()

        mine.learn(["A", "B", "C"])
        mine.learn(["A", "D"])

        assert list(mine._sold_out) == ["C", "A", "D"]

    def test_answers_the_others_when_one_cannot_be_answered(self, asked: Asked, order: Any) -> None:
        sell_out()

        async def scene() -> list[Any]:
            await known(order)
            request = order()
            headers = [("host", "localhost"), ("content-length", str(len(request["body"]))), *request["headers"]]

            def gone(_: Any) -> None:
                raise RuntimeError

            taken = application.take_over(scope(request["path"], method="POST", headers=headers), request["body"], gone)
            return [taken, *await sent(order())]

        taken, answer = in_a_new_loop(scene())

        assert taken
        assert answer[:2] == ("taken", 409)

"""Each figure moves when that happens which it is about, by as much."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.test.utils import override_settings

from nexus.contracts.errors import NexusError, TooLate, Unavailable
from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.registry import Member
from nexus.gateway.exceptions import ServiceFull
from nexus.gateway.upstream.budget import Budget
from nexus.telemetry.figures import REGISTRY
from nexus.web.problems import describe
from tests.eventbus.conftest import DATABASES, Witness, lit, member, store, witness
from tests.eventbus.test_delivery import message
from tests.gateway.instances import answering, asked, calling, hangs_up, running, status_of
from tests.telemetry.counting import Counting
from tests.web.test_express import Client, fast
from tests.web.test_pressure import statuses_at

__all__ = ["member", "store", "witness"]


class TestTheWeb:
    def test_counts_requests_by_route_and_status(self) -> None:
        fine = Counting(
            "http_server_request_duration_seconds_count",
            http_request_method="GET",
            http_route="other",
            http_response_status_code="200",
        )

        for _ in range(3):
            Client(fast).ask("/fast")

        assert fine.rise == 3

    @pytest.mark.parametrize(
        ("reason", "happen"),
        [
            ("queue_full", lambda: Client(fast, room=lambda: 0).ask("/fast")),
            ("queue_full", lambda: asyncio.run(Client(fast, room=lambda: 0).early("/fast"))),
            ("too_late", lambda: Client(fast).ask("/fast", headers=[("x-request-deadline", "1")])),
            ("pressure", lambda: statuses_at(0.9, ("GET", "/api/v1/products"))),
        ],
    )
    def test_counts_who_is_sent_away(self, reason: str, happen: Callable[[], Any]) -> None:
        sent_away = Counting("nexus_shed_total", reason=reason)

        happen()

        assert sent_away.rise == 1

    def test_counts_what_is_not_available_by_its_code(self) -> None:
        away = Counting("nexus_unavailable_total", code="unavailable")

        describe(OperationalError("gone"), path="/")
        describe(Unavailable(), path="/")
        describe(TooLate(), path="/")

        assert away.rise == 2


class TestTheGateway:
    def test_counts_retries_and_those_forbidden(self) -> None:
        again, forbidden = (
            Counting("nexus_retries_total", target="orders"),
            Counting("nexus_retry_budget_exhausted_total", target="orders"),
        )

        async def run() -> None:
            async with running(hangs_up) as [one], calling(one.address) as (caller, service):
                service.budget = Budget(share=0.0, reserve=1.0)
                for _ in range(2):
                    with pytest.raises(NexusError):
                        await status_of(caller, service, asked())

        asyncio.run(run())
        assert (again.rise, forbidden.rise) == (1, 2)

    def test_tells_when_a_breaker_opens_and_closes(self) -> None:
        opened = Counting("nexus_breaker_transitions_total", target="orders", to="open")

        async def run() -> float | None:
            async with running(hangs_up, answering()) as both, calling(*(each.address for each in both)) as (c, s):
                for _ in range(60):
                    await status_of(c, s, asked("PUT"))
                return REGISTRY.get_sample_value("nexus_breaker_state", {"target": "orders"})

        assert asyncio.run(run()) == 0.5
        assert opened.rise >= 1

    def test_counts_calls_by_status_and_those_without_an_answer(self) -> None:
        answered, none = (
            Counting("http_client_request_duration_seconds_count", service="orders", http_response_status_code=status)
            for status in ("200", "0")
        )

        async def run() -> None:
            async with running(answering()) as [one], calling(one.address) as (caller, service):
                await status_of(caller, service, asked())
            async with running(hangs_up) as [one], calling(one.address) as (caller, service):
                with pytest.raises(NexusError):
                    await status_of(caller, service, asked("POST"))

        asyncio.run(run())
        assert (answered.rise, none.rise) == (1, 1)

    def test_counts_whom_a_service_has_no_room_for(self) -> None:
        full = Counting("nexus_shed_total", reason="service_full")

        async def run() -> None:
            async with running(answering()) as [one], calling(one.address, most=0) as (caller, service):
                with pytest.raises(ServiceFull):
                    await status_of(caller, service, asked())

        asyncio.run(run())
        assert full.rise == 1


@pytest.mark.django_db(databases=DATABASES)
class TestDelivery:
    def counting(self, result: str) -> Counting:
        return Counting("nexus_inbox_processed_total", subscriber="toys", type="toys.lamp-lit.v1", result=result)

    def test_counts_what_took_effect_and_what_had(self, member: Member, witness: Witness) -> None:
        applied, duplicate = self.counting("applied"), self.counting("duplicate")
        lag = Counting("nexus_event_lag_seconds_count", subscriber="toys")
        told = [lit(), lit(), lit()]

        deliver(member=member, message=message(*told))
        deliver(member=member, message=message(*told[:2]))

        deliver(member=member, message=message(told[0], lit()))

        # Only what took effect now was ever late.
        assert (applied.rise, duplicate.rise, lag.rise) == (4, 3, 4)

    def test_counts_what_was_buried(self, member: Member, witness: Witness) -> None:
        buried = self.counting("buried")
        witness.failure = lambda _: ValueError("no")

        deliver(member=member, message=message(lit()))

        assert buried.rise == 1

    def test_counts_nothing_of_what_comes_again(self, member: Member, witness: Witness) -> None:
        applied, tried = (
            self.counting("applied"),
            Counting("messaging_process_duration_seconds_count", subscriber="toys", type="toys.lamp-lit.v1"),
        )
        witness.failure = lambda _: OperationalError("away")

        with pytest.raises(TryLater):
            deliver(member=member, message=message(lit()))

        assert (applied.rise, tried.rise) == (0, 1)


@pytest.mark.django_db(databases=DATABASES)
class TestTheLineOfABatch:
    def lines(self, caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
        return [record.ecs for record in caplog.records if record.name == "nexus.eventbus.batch"]  # type: ignore[attr-defined]

    def test_is_one_and_says_all(self, member: Member, witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
        told = lit()
        caplog.set_level("INFO")

        with override_settings(LOG_FORMAT="ecs"):
            deliver(member=member, message=message(told, told, lit()))

        [line] = self.lines(caplog)
        assert line["event.dataset"] == "nexus.batch"
        assert (line["event.action"], line["event.outcome"]) == ("handle", "success")
        assert (line["labels.subscriber"], line["labels.types"]) == ("toys", ["toys.lamp-lit.v1"])
        assert line["nexus.batch.events"] == 3
        assert line["event.duration"] > 0

    def test_calls_a_failure_one(self, member: Member, witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
        witness.failure = lambda _: OperationalError("away")
        caplog.set_level("INFO")

        with override_settings(LOG_FORMAT="ecs"), pytest.raises(TryLater):
            deliver(member=member, message=message(lit()))

        [line] = self.lines(caplog)
        assert (line["event.outcome"], line["error.type"]) == ("failure", "OperationalError")

    def test_spares_a_terminal(self, member: Member, witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")

        deliver(member=member, message=message(lit()))

        assert self.lines(caplog) == []

"""What becomes of requests when a service's instances fail."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from nexus.contracts.errors import NexusError, NoAnswer, TooLate
from nexus.gateway.exceptions import NoInstance, NotReached, ServiceFull
from nexus.gateway.upstream.breaker import IN_A_ROW, YOUNG, State
from nexus.gateway.upstream.budget import Budget
from nexus.gateway.upstream.service import Service
from tests.gateway.instances import (
    answering,
    asked,
    breaks_off,
    calling,
    hangs_up,
    nobody,
    running,
    says_nothing,
    status_of,
    talks_nonsense,
)


def test_asks_another_instance_when_one_is_gone() -> None:
    async def run() -> None:
        async with running(answering()) as [there], calling(nobody(), there.address) as (caller, service):
            # Nothing was sent, so that even an order without a key may go elsewhere.
            statuses = [await status_of(caller, service, asked("POST", body=b"{}")) for _ in range(20)]

        assert statuses == [200] * 20

    asyncio.run(run())


def rest(service: Service, address: str, *, ago: float) -> None:
    """The instance has gone so many seconds ago, and is to be asked in longer than three attempts at another take."""
    breaker = service.instances[address].breaker
    for _ in range(IN_A_ROW):
        breaker.failed(probe=False)
    breaker._since -= ago
    breaker._until = service.clock() + 0.7


@pytest.mark.parametrize("ago", [0.0, 10 * YOUNG])
def test_waits_for_the_one_that_is_about_to_be_back_when_the_other_has_gone(ago: float) -> None:
    """However long its start takes, as on a machine with much to do."""

    async def run() -> None:
        async with running(answering()) as [there], calling(nobody(), there.address) as (caller, service):
            await service.known(caller.session)
            rest(service, there.address, ago=ago)

            statuses = [await status_of(caller, service, asked("POST", body=b"{}"))]

        assert statuses == [200]

    asyncio.run(run())


def test_asks_the_one_that_has_answered_since_when_all_were_tried() -> None:
    async def run() -> None:
        async with running(answering()) as [there], calling(nobody(), there.address) as (caller, service):
            await service.known(caller.session)
            for each in service.instances.values():
                each.breaker.failed(probe=False)
            service.instances[there.address].breaker.succeeded(probe=False)

            chosen = {service.choose(avoid=service.instances.values()).address for _ in range(50)}

        assert chosen == {there.address}

    asyncio.run(run())


def test_does_not_wait_when_all_have_been_away_for_long() -> None:
    async def run() -> None:
        async with running(answering()) as [there], calling(nobody(), there.address) as (caller, service):
            await service.known(caller.session)
            for address in service.instances:
                rest(service, address, ago=YOUNG)

            with pytest.raises(NoInstance):
                await status_of(caller, service, asked())

    asyncio.run(run())


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_repeats_what_does_the_same_twice(method: str) -> None:
    async def run() -> None:
        async with running(hangs_up, answering(body="")) as both, calling(*(each.address for each in both)) as (c, s):
            statuses = [await status_of(c, s, asked(method)) for _ in range(10)]

        assert statuses == [200] * 10

    asyncio.run(run())


def test_never_repeats_a_post_that_an_instance_took() -> None:
    async def run() -> None:
        async with running(hangs_up) as [one], calling(one.address) as (caller, service):
            with pytest.raises(NoAnswer):
                await status_of(caller, service, asked("POST", body=b"{}"))

        assert len(one.asked) == 1

    asyncio.run(run())


def test_repeats_a_post_with_a_key() -> None:
    async def run() -> None:
        async with running(hangs_up, answering(201)) as both, calling(*(each.address for each in both)) as (c, s):
            statuses = [await status_of(c, s, asked("POST", body=b"{}", idempotency_key=str(n))) for n in range(10)]

        assert statuses == [201] * 10

    asyncio.run(run())


def test_asks_another_for_a_read_that_was_answered_503() -> None:
    async def run() -> None:
        async with running(answering(503), answering()) as both, calling(*(each.address for each in both)) as (c, s):
            s.budget = Budget(reserve=50.0)
            reads = Counter([await status_of(c, s, asked()) for _ in range(20)])
            writes = Counter([await status_of(c, s, asked("POST")) for _ in range(40)])

        assert reads == {200: 20}
        assert writes[503], "an order that was answered is not placed elsewhere"

    asyncio.run(run())


def test_gives_up_at_the_deadline() -> None:
    async def run() -> float:
        async with running(says_nothing) as [one], calling(one.address) as (caller, service):
            began = asyncio.get_running_loop().time()
            with pytest.raises(TooLate):
                await status_of(caller, service, asked(within=0.3))
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(run()) < 2


def test_a_client_in_haste_says_nothing_about_the_service() -> None:
    async def run() -> None:
        async with running(says_nothing) as [one], calling(one.address) as (caller, service):
            for _ in range(2 * IN_A_ROW):
                with pytest.raises(TooLate):
                    await status_of(caller, service, asked(within=0.01, hasty=True))

            instance = service.instances[one.address]
            assert instance.breaker.state is State.CLOSED
            assert (instance.answered, instance.wrong) == (0, 0)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("PATCH", "/api/v1/products/a", {"idempotency_key": "1"}),
        ("POST", "/api/v1/accounts/token/refresh", {"idempotency_key": "1"}),
        ("POST", "/oauth/token", {"idempotency_key": "1"}),
        ("POST", "/api/v1/orders", {}),
    ],
)
def test_repeats_nothing_that_may_do_more_when_it_comes_twice(
    method: str, target: str, headers: dict[str, str]
) -> None:
    async def run() -> None:
        assert not replace(asked(method, **headers), target=target).may_be_repeated

    asyncio.run(run())


def test_an_answer_that_breaks_off_is_told() -> None:
    async def run() -> None:
        async with running(breaks_off) as [one], calling(one.address) as (caller, service):
            with pytest.raises(NoAnswer):
                await status_of(caller, service, asked())

    asyncio.run(run())


def test_an_answer_that_is_no_http_is_none() -> None:
    async def run() -> None:
        async with running(talks_nonsense) as [one], calling(one.address) as (caller, service):
            for _ in range(IN_A_ROW):
                with pytest.raises(NoAnswer):
                    await status_of(caller, service, asked("POST", body=b"{}"))

            assert service.instances[one.address].breaker.state is State.OPEN

    asyncio.run(run())


def test_a_service_that_always_fails_gets_hardly_more_attempts_than_requests() -> None:
    """Its breaker is kept closed here: the budget alone has to hold."""

    async def run() -> tuple[int, int]:
        requests = 500
        async with running(hangs_up) as [one], calling(one.address) as (caller, service):
            service.budget = Budget(reserve=0.0)
            for _ in range(requests):
                service.learn([])
                service.learn([one.address])
                with pytest.raises(NoAnswer):
                    await status_of(caller, service, asked())
            # What arrived counts, not what we think we sent.
            return len(one.asked), requests

    attempts, requests = asyncio.run(run())
    print(f"attempts {attempts}, requests {requests}")
    assert requests < attempts <= 1.1 * requests


def test_with_its_breaker_it_gets_hardly_any() -> None:
    async def run() -> tuple[int, Counter[str]]:
        outcomes: Counter[str] = Counter()
        async with running(hangs_up) as [one], calling(one.address) as (caller, service):
            for _ in range(500):
                try:
                    await status_of(caller, service, asked())
                except NexusError as why:
                    outcomes[type(why).__name__] += 1
            return len(one.asked), outcomes

    attempts, outcomes = asyncio.run(run())
    print(f"attempts {attempts}, outcomes {dict(outcomes)}")
    assert attempts < 50
    assert outcomes[NoInstance.__name__] > 450


def test_comes_back_when_the_instance_does() -> None:
    async def run() -> None:
        now = 0.0
        async with running(answering()) as [one], calling() as (caller, _):
            service = Service("orders", source=_.source, clock=lambda: now)
            service.learn([one.address])
            breaker = service.instances[one.address].breaker
            for _again in range(IN_A_ROW):
                breaker.failed(probe=breaker.begin())
            with pytest.raises(NoInstance) as refused:
                await status_of(caller, service, asked())
            assert refused.value.retry_after >= 1
            now = breaker.rests_for

            assert await status_of(caller, service, asked()) == 200
            assert breaker.state is State.CLOSED

    asyncio.run(run())


def test_a_service_has_no_more_requests_than_it_may() -> None:
    async def run() -> None:
        async with running(says_nothing, answering()) as [slow, quick], calling(slow.address, most=3) as (caller, one):
            waiting = [asyncio.create_task(status_of(caller, one, asked())) for _ in range(3)]
            while len(slow.asked) < 3:
                await asyncio.sleep(0.01)

            with pytest.raises(ServiceFull):
                await status_of(caller, one, asked())
            async with calling(quick.address) as (_, other):
                assert await status_of(caller, other, asked()) == 200, "others are not kept waiting"
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert one.under_way == 0

    asyncio.run(run())


def test_who_watches_takes_no_place() -> None:
    async def run() -> None:
        events = answering(headers=["Content-Type: text/event-stream"])
        async with running(events, answering()) as [told, plain]:
            async with calling(told.address, most=1) as (caller, one), caller.asking(one, asked()) as answer:
                assert (one.under_way, answer.instance.under_way) == (0, 0)
                assert await status_of(caller, one, asked()) == 200
            async with calling(plain.address, most=1) as (caller, one), caller.asking(one, asked()) as answer:
                assert (one.under_way, answer.instance.under_way) == (1, 1)
            assert (one.under_way, answer.instance.under_way) == (0, 0)

    asyncio.run(run())


def test_prefers_the_less_busy() -> None:
    async def run() -> None:
        async with running(says_nothing, answering()) as both, calling(*(each.address for each in both)) as (c, s):
            waiting = [asyncio.create_task(status_of(c, s, asked())) for _ in range(4)]
            while not (stuck := len(both[0].asked)):
                await asyncio.sleep(0.01)

            statuses = [await status_of(c, s, asked()) for _ in range(20)]

            assert statuses == [200] * 20
            assert len(both[0].asked) == stuck
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())


def test_leaves_no_connection_open_after_a_client_that_left() -> None:
    async def run() -> None:
        async with running(says_nothing) as [one], calling(one.address) as (caller, service):
            task = asyncio.create_task(status_of(caller, service, asked()))
            while not one.asked:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

            connector = caller.session.connector
            assert connector is not None
            assert not connector._acquired
            assert service.under_way == 0
            assert service.instances[one.address].under_way == 0

    asyncio.run(run())


def test_nobody_there_is_said_so() -> None:
    async def run() -> None:
        async with calling(nobody()) as (caller, service):
            with pytest.raises(NotReached):
                await status_of(caller, service, asked())

    asyncio.run(run())

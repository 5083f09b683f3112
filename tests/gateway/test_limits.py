"""The rate limit: exact when many ask at once, and still there when Redis is not."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings
from hiredis import ReplyError
from msgspec.structs import replace
from rest_framework.test import APIClient

from nexus.gateway import limits, middleware
from nexus.gateway.api import express
from nexus.gateway.leases import Lease
from nexus.gateway.limits import GCRA_SCRIPT, LocalBuckets, RateLimiter, Verdict, limit_lines
from nexus.gateway.policies import Account, Policy
from nexus.web.express import Exchange
from nexus.web.express.pipe import Pipe, RedisAway
from tests.scopes import scope

NOWHERE = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
FIFTY = Policy(count=50, seconds=3600)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestRateLimiter:
    def test_lets_exactly_fifty_of_two_hundred_at_once_pass(self, clean_redis: object) -> None:
        limiter = RateLimiter()

        with ThreadPoolExecutor(16) as pool:
            verdicts = list(pool.map(lambda _: limiter.check("somebody", FIFTY), range(200)))

        assert sum(verdict.allowed for verdict in verdicts) == 50

    def test_counts_each_caller_alone(self, clean_redis: object) -> None:
        limiter = RateLimiter()
        for _ in range(50):
            limiter.check("greedy", FIFTY)

        assert (limiter.check("greedy", FIFTY).allowed, limiter.check("modest", FIFTY).allowed) == (False, True)

    def test_says_how_many_are_left_and_when_to_come_back(self, clean_redis: object) -> None:
        limiter, policy = RateLimiter(), Policy(count=2, seconds=20)

        verdicts = [limiter.check("somebody", policy) for _ in range(3)]

        assert [verdict.remaining for verdict in verdicts] == [1, 0, 0]
        assert 9 <= verdicts[2].retry_after <= 10

    def test_goes_on_by_itself_when_redis_is_away(self) -> None:
        limiter = RateLimiter()

        with override_settings(CACHES=NOWHERE):
            allowed = [limiter.check("somebody", FIFTY).allowed for _ in range(60)]

        assert allowed == [True] * 50 + [False] * 10


async def one(limiter: RateLimiter, pipe: Pipe, caller: str, policy: Policy) -> Verdict:
    """One request of the caller, counted on the event loop."""
    [verdict] = await limiter.check_all(pipe, [Account(policy.bucket(caller), policy)])
    return verdict


class Turns:
    """One process's limiter on the event loop, and what it asked of Redis."""

    def __init__(self, clock: Clock) -> None:
        self.limiter, self.pipe, self.clock = RateLimiter(clock=clock), Pipe(settings.REDIS_URL), clock
        self.asked = 0
        ask = self.pipe.ask

        def counted(*words: bytes) -> Any:
            self.asked += 1
            return ask(*words)

        self.pipe.ask = counted  # type: ignore[method-assign]

    @property
    def lease(self) -> Lease:
        return self.limiter._leases["somebody"]

    async def check(self, policy: Policy, times: int = 1) -> list[Verdict]:
        return [await one(self.limiter, self.pipe, "somebody", policy) for _ in range(times)]

    async def check_at_once(self, policy: Policy, times: int) -> list[Verdict]:
        asking = (one(self.limiter, self.pipe, "somebody", policy) for _ in range(times))
        return await asyncio.gather(*asking)


MANY = Policy(count=1000, seconds=3600)


class TestAtOnce:
    def test_is_for_those_that_were_counted_ahead_only(self, clean_redis: object) -> None:
        async def talk() -> tuple[list[Verdict | None], int]:
            turns = Turns(Clock())
            account = Account("somebody", MANY)
            before = turns.limiter.check_at_once(turns.pipe, account)
            asked = turns.asked
            await turns.check(MANY, 100)
            return [before, turns.limiter.check_at_once(turns.pipe, account)], asked

        (before, after), asked = asyncio.run(talk())

        assert (before, asked) == (None, 0)
        assert after
        assert after.allowed

    def test_lets_exactly_as_many_pass_as_there_are(self, clean_redis: object) -> None:
        async def talk() -> tuple[int, int]:
            turns, passed, early = Turns(Clock()), 0, 0
            account = Account("somebody", MANY)
            for _ in range(1200):
                if turns.limiter.check_at_once(turns.pipe, account):
                    early += 1
                else:
                    passed += (await turns.check(MANY))[0].allowed
            return passed + early, early

        passed, early = asyncio.run(talk())

        # What is left counted ahead when it ends was let through to nobody.
        assert 1000 - 128 <= passed <= 1000
        assert early > 300

    def test_a_lease_is_longer_before_it_ends(self, clean_redis: object) -> None:
        """Whoever comes often waits for Redis at the beginning only."""

        async def talk() -> tuple[int, int]:
            turns, waited = Turns(Clock()), 0
            plenty = Policy(count=1_000_000, seconds=3600)
            account = Account("somebody", plenty)
            for number in range(3000):
                if not turns.limiter.check_at_once(turns.pipe, account):
                    await turns.check(plenty)
                    waited += number > 1000
                # A turn of the loop is enough for Redis to answer in, or several are.
                while turns.lease.pending:
                    await asyncio.sleep(0)
                assert turns.lease.left <= 128
            return waited, turns.asked

        waited, asked = asyncio.run(talk())

        assert waited == 0
        assert asked < 3000 / 32, "it is asked again when half is used, not each time"

    def test_no_more_is_counted_ahead_than_half_of_what_comes(self, clean_redis: object) -> None:
        async def talk() -> int:
            clock = Clock()
            turns = Turns(clock)
            account = Account("somebody", MANY)
            for _ in range(10):
                for _ in range(10):
                    turns.limiter.check_at_once(turns.pipe, account) or await turns.check(MANY)
                    while turns.lease.pending:
                        await asyncio.sleep(0)
                most.append(turns.lease.left)
                clock.now += 0.1
            return max(most)

        most: list[int] = []
        assert asyncio.run(talk()) <= 10

    @pytest.mark.parametrize("why", [RedisAway("gone"), ReplyError("NOSCRIPT No matching script")])
    def test_a_lease_that_could_not_be_made_longer_is_another_time(self, clean_redis: object, why: Exception) -> None:
        async def talk() -> tuple[int, bool]:
            turns, ask = Turns(Clock()), Pipe.ask
            account = Account("somebody", MANY)
            await turns.check(MANY, 40)

            def refuse(*_: bytes) -> Any:
                nonlocal refused
                refused += 1
                answer = asyncio.get_running_loop().create_future()
                answer.set_exception(why)
                return answer

            turns.pipe.ask = refuse  # type: ignore[method-assign]
            while not refused:
                assert turns.limiter.check_at_once(turns.pipe, account)
            await asyncio.sleep(0)
            pending = turns.lease.pending
            turns.pipe.ask = ask.__get__(turns.pipe)  # type: ignore[method-assign]
            return sum(verdict.allowed for verdict in await turns.check(MANY, 10)), pending

        refused = 0
        assert asyncio.run(talk()) == (10, False)

    def test_whoever_comes_all_the_time_is_not_forgotten_for_others(
        self, clean_redis: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MOST_LEASES", 10)

        async def talk() -> list[bool]:
            turns = Turns(Clock())
            account, found = Account("somebody", MANY), []
            await turns.check(MANY, 20)
            for number in range(30):
                await one(turns.limiter, turns.pipe, f"other {number}", MANY)
                found.append(turns.limiter.check_at_once(turns.pipe, account) is not None)
                await turns.check(MANY)
            return found

        assert all(asyncio.run(talk()))

    def test_takes_nothing_for_what_costs_more(self, clean_redis: object) -> None:
        async def talk() -> Verdict | None:
            turns = Turns(Clock())
            await turns.check(MANY, 100)
            return turns.limiter.check_at_once(turns.pipe, Account("somebody", dear))

        dear = Policy(count=1000, seconds=3600, cost=10)
        assert asyncio.run(talk()) is None


class TestToldAtOnce:
    @pytest.mark.parametrize("name", ["default", "50% off"])
    def test_says_what_the_headers_would(self, clean_redis: object, name: str) -> None:
        async def talk() -> tuple[bytes | None, bytes]:
            turns, policy = Turns(Clock()), Policy(count=1000, seconds=3600, name=name)
            account = Account(policy.bucket("somebody"), policy)
            await turns.check(policy, 40)
            while turns.limiter._leases[account.bucket].left < 2:
                await turns.check(policy)
            told = turns.limiter.tell_at_once(turns.pipe, account)
            verdict = turns.limiter.check_at_once(turns.pipe, account)
            assert verdict
            earlier = replace(verdict, remaining=verdict.remaining + 1)
            return told, limit_lines(earlier, policy)

        told, expected = asyncio.run(talk())

        assert told
        # In which second the bucket would be full is another, in which one more was taken.
        assert re.sub(rb"t=\d+", b"", told) == re.sub(rb"t=\d+", b"", expected)

    def test_says_nothing_of_whoever_was_not_counted_ahead(self, clean_redis: object) -> None:
        async def talk() -> bytes | None:
            turns = Turns(Clock())
            return turns.limiter.tell_at_once(turns.pipe, Account("somebody", MANY))

        assert asyncio.run(talk()) is None

    def test_lets_exactly_as_many_pass_as_there_are(self, clean_redis: object) -> None:
        async def talk() -> int:
            turns, passed = Turns(Clock()), 0
            account = Account("somebody", MANY)
            for _ in range(1200):
                told = turns.limiter.tell_at_once(turns.pipe, account)
                passed += bool(told) or (await turns.check(MANY))[0].allowed
            return passed

        assert 1000 - 128 <= asyncio.run(talk()) <= 1000


class TestAFew:
    """Counted ahead of whoever comes again within a second."""

    PLENTY = Policy(count=1200, seconds=60)

    @pytest.mark.parametrize(
        ("count", "seconds", "few"),
        [
            (1, 60, 1),
            (127, 60, 1),
            (255, 60, 1),
            (256, 60, 2),
            (1000, 60, 7),
            (1200, 60, 8),
            (1_000_000, 60, 8),
            (1000, 3600, 1),
            (10_000, 3600, 2),
        ],
    )
    def test_are_so_small_a_part_that_nobody_misses_them(self, count: int, seconds: int, few: int) -> None:
        assert Policy(count=count, seconds=seconds).few == few

    def test_save_questions(self, clean_redis: object) -> None:
        async def talk() -> int:
            turns = Turns(Clock())
            for _ in range(33):
                await turns.check(self.PLENTY)
                turns.clock.now += 0.12
            return turns.asked

        # One for the first request, one for each eight of the others; one more where Redis had to be shown the script.
        assert asyncio.run(talk()) in (5, 6)

    def test_are_for_a_second(self, clean_redis: object) -> None:
        async def talk() -> list[int]:
            turns, asked = Turns(Clock()), []
            for pause in (0.0, 0.2, 0.9, 0.2, 0.5, 0.4):
                turns.clock.now += pause
                await turns.check(self.PLENTY)
                asked.append(turns.asked)
            return [each - asked[0] for each in asked]

        # The second request takes a few, which last until 1.2; the fourth comes after that, at 1.3.
        assert asyncio.run(talk()) == [0, 1, 1, 2, 2, 2]

    def test_are_not_for_whom_comes_seldom(self, clean_redis: object) -> None:
        async def talk() -> int:
            turns = Turns(Clock())
            before = None
            for _ in range(10):
                await turns.check(self.PLENTY)
                before = turns.asked if before is None else before
                turns.clock.now += 1.1
            return turns.asked - before

        assert asyncio.run(talk()) == 9

    def test_of_several_as_many_are_given_as_leave_half(self, clean_redis: object) -> None:
        async def talk() -> list[int]:
            pipe, policy = Pipe(settings.REDIS_URL), Policy(count=100, seconds=3600)

            async def ask(size: int) -> int:
                [(allowed, _, _)] = await GCRA_SCRIPT(pipe, [b"rate:somebody"], *policy.words, b"%d" % size)
                return int(allowed)

            return [await ask(size) for size in (30, 30, 30, 1)]

        assert asyncio.run(talk()) == [30, 20, 1, 1]

    def test_callers_together_are_counted_each_by_themselves(self, clean_redis: object) -> None:
        async def talk() -> list[tuple[bool, int]]:
            turns, small = Turns(Clock()), Policy(count=5, seconds=3600)
            accounts = [Account(f"caller {number % 3}", [MANY, small, MANY][number % 3]) for number in range(24)]
            return [(each.allowed, each.remaining) for each in await turns.limiter.check_all(turns.pipe, accounts)]

        verdicts = asyncio.run(talk())

        assert [allowed for allowed, _ in verdicts[1::3]] == [True] * 5 + [False] * 3
        assert [remaining for _, remaining in verdicts[0::3]] == list(range(999, 991, -1))
        assert verdicts[0::3] == verdicts[2::3]


class TestOnTheEventLoop:
    def test_lets_exactly_fifty_of_two_hundred_at_once_pass(self, clean_redis: object) -> None:
        async def talk() -> list[Verdict]:
            here, there = Turns(Clock()), Turns(Clock())
            both = await asyncio.gather(here.check_at_once(FIFTY, 100), there.check_at_once(FIFTY, 100))
            return [verdict for verdicts in both for verdict in verdicts]

        assert sum(verdict.allowed for verdict in asyncio.run(talk())) == 50

    def test_lets_exactly_as_many_pass_one_after_another_too(self, clean_redis: object) -> None:
        async def talk() -> tuple[list[Verdict], int]:
            often = Turns(Clock())
            return await often.check(MANY, 1200), often.asked

        verdicts, asked = asyncio.run(talk())

        assert [verdict.allowed for verdict in verdicts] == [True] * 1000 + [False] * 200
        assert [verdict.remaining for verdict in verdicts[:1000]] == list(range(999, -1, -1))
        # Half of them a few at a time, then one by one, that two processes share what is left to the last.
        assert 700 < asked < 800

    def test_counts_ahead_for_whoever_comes_often_alone(self, clean_redis: object) -> None:
        async def talk() -> tuple[int, int]:
            seldom = Turns(Clock())
            for _ in range(20):
                await seldom.check(MANY)
                seldom.clock.now += 1
            [verdict] = await seldom.check(MANY)
            return seldom.asked, verdict.remaining

        asked, remaining = asyncio.run(talk())

        # One more where Redis had to be shown the script.
        assert (asked in (21, 22), remaining) == (True, 1000 - 21)

    def test_gives_no_lease_for_longer_than_a_moment(self, clean_redis: object) -> None:
        async def talk() -> tuple[int, int]:
            often = Turns(Clock())
            await often.check(MANY, 50)
            before = often.asked
            await often.check(MANY)
            same = often.asked
            often.clock.now += 0.2
            await often.check(MANY)
            return same - before, often.asked - same

        assert asyncio.run(talk()) == (0, 1)

    def test_asks_for_more_again_after_somebody_gave_up_waiting(self, clean_redis: object) -> None:
        async def talk() -> bool:
            often = Turns(Clock())
            await often.check(MANY)
            waiting = asyncio.ensure_future(often.check(MANY))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            before = often.asked
            await often.check(MANY, 20)
            return often.asked - before < 10

        assert asyncio.run(talk())


class TestLocalBuckets:
    def test_fill_up_again_evenly(self) -> None:
        clock, policy = Clock(), Policy(count=2, seconds=20)
        buckets = LocalBuckets(clock=clock)

        def passes() -> int:
            return buckets.ask("somebody", policy)[0]

        first = [passes() for _ in range(3)]
        clock.now += 10
        second = [passes() for _ in range(2)]

        assert (first, second) == ([1, 1, 0], [1, 0])

    def test_forget_the_longest_unseen_rather_than_grow(self) -> None:
        buckets = LocalBuckets(capacity=3)

        for name in "abcde":
            buckets.ask(name, FIFTY)

        assert list(buckets._arrivals) == ["c", "d", "e"]


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch, settings: object, clean_redis: object) -> APIClient:
    """A client of a door that lets three requests an hour pass."""
    monkeypatch.setattr(middleware, "limiter", RateLimiter())
    settings.RATE_LIMIT = (3, 3600)
    return APIClient()


class TestFrontDoor:
    def test_answers_429_with_when_to_come_back(self, limited: APIClient) -> None:
        answers = [limited.get("/api/v1/nothing") for _ in range(4)]

        assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
        assert answers[3].json()["code"] == "rate_limited"
        assert int(answers[3]["Retry-After"]) > 0

    def test_says_on_every_answer_what_is_left(self, limited: APIClient) -> None:
        answer = limited.get("/api/v1/nothing")

        assert answer["RateLimit-Policy"] == '"default";q=3;w=3600'
        assert answer["RateLimit"].startswith('"default";r=2;')

    def test_is_not_fooled_by_forged_addresses(self, limited: APIClient) -> None:
        answers = [limited.get("/api/v1/nothing", headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(100)]

        assert sum(answer.status_code == 429 for answer in answers) == 97

    def test_counts_what_the_trusted_proxy_appended(self, limited: APIClient, settings: object) -> None:
        settings.TRUSTED_PROXIES = 1

        forged = [limited.get("/api/v1/nothing", headers={"X-Forwarded-For": f"{n}.1.1.1, 9.9.9.9"}) for n in range(5)]
        other = limited.get("/api/v1/nothing", headers={"X-Forwarded-For": "9.9.9.9, 8.8.8.8"})

        assert [answer.status_code for answer in forged] == [404, 404, 404, 429, 429]
        assert other.status_code == 404

    def test_never_limits_probes(self, limited: APIClient) -> None:
        assert {limited.get("/livez").status_code for _ in range(10)} == {200}

    @pytest.mark.parametrize(
        ("path", "headers", "code"),
        [
            ("/api/v1/nothing?" + "q" * 9000, {}, "url_too_long"),
            ("/api/v1/nothing", {"X-Long": "x" * 9000}, "headers_too_large"),
            ("/api/v1/nothing", {f"X-{n}": "x" for n in range(120)}, "headers_too_large"),
        ],
        ids=["long URL", "long header", "many headers"],
    )
    def test_refuses_what_is_too_large(self, limited: APIClient, path: str, headers: dict[str, str], code: str) -> None:
        answer = limited.get(path, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (400, code)


class TestKinds:
    """A class of paths or a token's scope may have a limit of its own, and a request may cost as much as several."""

    def test_a_login_costs_as_much_as_ten_reads(self, limited: APIClient, settings: object) -> None:
        settings.RATE_LIMIT = (25, 3600)

        logins = [limited.post("/api/v1/accounts/token", {}).status_code == 429 for _ in range(3)]
        reads = [limited.get("/api/v1/nothing").status_code for _ in range(6)]

        assert logins == [False, False, True]
        assert reads == [404] * 5 + [429]

    def test_a_class_of_paths_has_a_bucket_of_its_own(self, limited: APIClient, settings: object) -> None:
        settings.RATE_LIMITS, settings.RATE_COSTS = {"login": (2, 3600)}, {}

        logins = [limited.post(path, {}) for path in ("/api/v1/accounts/token", "/api/users/token", "/oauth/token/")]
        reads = [limited.get("/api/v1/nothing").status_code for _ in range(4)]

        assert [answer.status_code == 429 for answer in logins] == [False, False, True]
        assert logins[0]["RateLimit-Policy"] == '"login";q=2;w=3600'
        assert reads == [404, 404, 404, 429]

    @pytest.mark.parametrize(
        ("scope", "policy"),
        [("orders partner", Policy(9, 60, name="partner")), ("orders", Policy(3, 3600)), ("", Policy(3, 3600))],
    )
    def test_a_scope_has_a_plan_of_its_own(
        self, scope: str, policy: Policy, limited: APIClient, settings: object
    ) -> None:
        settings.RATE_LIMITS = {"partner": (9, 60)}

        assert Policy.of("/api/v1/products", {"scope": scope}) == policy

    def test_nothing_costs_more_than_there_is(self, limited: APIClient) -> None:
        assert Policy.of("/oauth/token").cost == 3

    @pytest.mark.parametrize("claims", [None, {"sub": "somebody", "scope": "orders"}])
    def test_the_express_lane_knows_the_class_of_a_path(self, settings: Any, claims: Any) -> None:
        settings.RATE_LIMIT, settings.RATE_LIMITS = (100, 60), {"dear": (9, 60)}
        settings.RATE_CLASSES = {"/api/v1/orders": "dear"}

        def policy_at(path: str) -> Policy:
            exchange = Exchange(scope(path), name="", body=b"")
            exchange._claims = claims
            return express._account(exchange).policy

        assert [policy_at(path).name for path in ("/api/v1/orders", "/api/orders", "/api/v1/products")] == [
            "dear",
            "dear",
            "default",
        ]

    def test_what_costs_more_is_counted_alike_on_the_express_lane(self, clean_redis: object) -> None:
        dear = Policy(count=50, seconds=3600, cost=10)

        async def run() -> list[bool]:
            pipe, limiter = Pipe(settings.REDIS_URL), RateLimiter()
            asked = [one(limiter, pipe, "somebody", dear) for _ in range(20)]
            return [verdict.allowed for verdict in await asyncio.gather(*asked)]

        assert sum(asyncio.run(run())) == 5

    def test_what_costs_more_takes_nothing_that_was_counted_ahead(self, clean_redis: object) -> None:
        cheap, dear = Policy(count=1000, seconds=3600), Policy(count=1000, seconds=3600, cost=100)

        async def run() -> list[bool]:
            pipe, limiter = Pipe(settings.REDIS_URL), RateLimiter()
            for _ in range(200):
                await one(limiter, pipe, "somebody", cheap)
            return [(await one(limiter, pipe, "somebody", dear)).allowed for _ in range(20)]

        assert sum(asyncio.run(run())) <= 8

    def test_a_redis_that_says_no_is_as_good_as_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def refuse(*_: object) -> None:
            raise ReplyError("LOADING Redis is loading the dataset in memory")

        monkeypatch.setattr(limits, "GCRA_SCRIPT", refuse)

        async def run() -> list[bool]:
            limiter = RateLimiter()
            asked = [one(limiter, Pipe(settings.REDIS_URL), "somebody", FIFTY) for _ in range(60)]
            return [verdict.allowed for verdict in await asyncio.gather(*asked)]

        assert sum(asyncio.run(run())) == 50


class TestRoot:
    def test_shows_people_the_way(self, limited: APIClient) -> None:
        page = limited.get("/", headers={"Accept": "text/html"}).content.decode()

        assert "/api/docs" in page

    def test_tells_programs_the_links(self, limited: APIClient) -> None:
        assert "/api/schema" in limited.get("/", headers={"Accept": "application/json"}).json()["links"].values()

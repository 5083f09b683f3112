"""The rate limit: exact when many ask at once, and still there when Redis is not."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test.utils import override_settings
from rest_framework.test import APIClient

from nexus.gateway import middleware
from nexus.gateway.limits import LocalBuckets, Policy, RateLimiter

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


class TestRoot:
    def test_shows_people_the_way(self, limited: APIClient) -> None:
        page = limited.get("/", headers={"Accept": "text/html"}).content.decode()

        assert "/api/docs" in page

    def test_tells_programs_the_links(self, limited: APIClient) -> None:
        assert "/api/schema" in limited.get("/", headers={"Accept": "application/json"}).json()["links"].values()

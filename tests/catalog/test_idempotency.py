"""Idempotency-Key on the catalog's POSTs."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from nexus.catalog.models.connection import database
from nexus.catalog.services.answers import COLLECTION, MongoAnswers
from nexus.contracts.errors import InProgress
from nexus.eventbus.stores.mongo import current_session
from nexus.web.answers import Answer

from .conftest import offers

BODY = {"slug": "alva", "name": "Alva", "product_type": "lamp", "variants": [{"sku": "ALVA"}]}
ANSWER = Answer(fingerprint="f", status=201, body={"it": "worked"})


def post(client: APIClient, body: Any = BODY, key: str = "key-1") -> Any:
    return client.post("/api/v1/products", body, headers={"Idempotency-Key": key})


class TestAKey:
    def test_gets_the_first_answer_again(self, staff):
        first = post(staff)

        second = post(staff)

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert (second["Location"], second["ETag"]) == (first["Location"], first["ETag"])
        assert second["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first
        assert len(offers()) == 1

    def test_is_refused_with_another_body(self, staff):
        post(staff)

        assert post(staff, BODY | {"name": "Other"}).status_code == 422

    def test_belongs_to_its_caller(self, staff, bearer):
        post(staff)

        other = APIClient(**bearer(scope="catalog:write"))

        assert post(other).status_code == 409
        assert post(other, BODY | {"slug": "b", "variants": []}).status_code == 201

    def test_is_free_again_after_a_refusal(self, staff):
        refused = post(staff, BODY | {"name": ""})

        assert (refused.status_code, post(staff).status_code) == (400, 201)

    @pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
    def test_is_refused_when_it_is_malformed(self, staff, key):
        assert post(staff, key=key).status_code == 400

    def test_makes_one_product_of_many_requests_at_once(self, bearer):
        credentials = bearer(scope="catalog:write")
        statuses: list[int] = []

        def run() -> None:
            statuses.append(post(APIClient(**credentials)).status_code)

        threads = [threading.Thread(target=run) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert set(statuses) <= {201, 409}
        assert 201 in statuses
        assert len(offers()) == 1
        assert database()["products"].count_documents({}) == 1


class TestAClaim:
    def test_refuses_a_second_request_while_the_first_is_under_way(self):
        def work() -> Answer:
            with pytest.raises(InProgress):
                outside_of_transactions(lambda: MongoAnswers().once(scope="s", key="k", work=lambda: ANSWER))
            return ANSWER

        assert MongoAnswers().once(scope="s", key="k", work=work) == (ANSWER, False)

    def test_is_taken_over_when_its_request_died(self):
        claimed(age=timedelta(seconds=61))

        assert MongoAnswers().once(scope="s", key="k", work=lambda: ANSWER) == (ANSWER, False)

    def test_is_not_taken_over_too_early(self):
        claimed(age=timedelta(seconds=50))

        with pytest.raises(InProgress):
            MongoAnswers().once(scope="s", key="k", work=lambda: ANSWER)

    def test_that_was_taken_over_rolls_the_slow_effect_back(self):
        def slow() -> Answer:
            database()["products"].insert_one({"_id": 1, "slug": "slow"}, session=current_session())
            # Meanwhile another request takes the claim over and answers.
            outside_of_transactions(
                lambda: database()[COLLECTION].update_one({"_id": "s k"}, {"$set": {"token": "other"}})
            )
            return ANSWER

        with pytest.raises(InProgress):
            MongoAnswers().once(scope="s", key="k", work=slow)

        assert database()["products"].count_documents({}) == 0
        assert database()[COLLECTION].find_one({"_id": "s k"})["token"] == "other"

    def test_ends_after_a_day(self):
        MongoAnswers().once(scope="s", key="k", work=lambda: ANSWER)
        database()[COLLECTION].update_one(
            {"_id": "s k"}, {"$set": {"created_at": datetime.now(UTC) - timedelta(hours=25)}}
        )
        fresh = Answer(fingerprint="g", status=201, body={})

        assert MongoAnswers().once(scope="s", key="k", work=lambda: fresh) == (fresh, False)

    def test_is_removed_by_the_server_after_a_day(self):
        indexes = database()[COLLECTION].index_information().values()

        assert 86400 in [index.get("expireAfterSeconds") for index in indexes]


def claimed(*, age: timedelta) -> None:
    created_at = datetime.now(UTC) - age
    database()[COLLECTION].insert_one({"_id": "s k", "token": "dead", "answer": None, "created_at": created_at})


def outside_of_transactions(work: Any) -> None:
    """Run in a thread of its own, as another request does."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as why:  # noqa: BLE001
            failures.append(why)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]

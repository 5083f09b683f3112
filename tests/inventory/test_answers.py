"""Keyed requests: while the first is under way, another with its key is told to come back."""

import threading

import pytest
from django.db import connections

from nexus.contracts.errors import InProgress
from nexus.inventory.models import DATABASE
from nexus.web.answers import Answer, SqlAnswers
from nexus.web.models import IdempotencyKey

pytestmark = pytest.mark.django_db(databases=["inventory"], transaction=True)
ANSWER = Answer(fingerprint="f", status=201, body={"id": 1})


class TestOnce:
    def test_refuses_a_second_while_the_first_is_under_way(self) -> None:
        answers, begun, go_on = SqlAnswers(DATABASE), threading.Event(), threading.Event()

        def slow_work() -> Answer:
            begun.set()
            go_on.wait(20)
            return ANSWER

        def first() -> None:
            answers.once(scope="me", key="k", work=slow_work)
            connections[DATABASE].close()

        thread = threading.Thread(target=first)
        thread.start()
        begun.wait(20)
        try:
            with pytest.raises(InProgress):
                answers.once(scope="me", key="k", work=lambda: ANSWER)
        finally:
            go_on.set()
            thread.join()

        assert answers.once(scope="me", key="k", work=slow_work) == (ANSWER, True)

    def test_keeps_nothing_of_work_that_failed(self) -> None:
        answers = SqlAnswers(DATABASE)

        def fail() -> Answer:
            raise ValueError

        with pytest.raises(ValueError):
            answers.once(scope="me", key="k", work=fail)

        assert not IdempotencyKey.objects.using(DATABASE).exists()

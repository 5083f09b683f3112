import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connections
from rest_framework.test import APIClient

from nexus.accounts.models import Customer
from nexus.eventbus.stores.postgres import PostgresStore

from .conftest import BASE, PASSWORD

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])

ADA = {"email": "ada@example.org", "password": PASSWORD, "name": "Ada Lovelace"}


def fields_at_fault(answer):
    return {(error["field"], error["code"]) for error in answer.json()["errors"]}


def events_about(customer_id):
    return [record.type for record in PostgresStore("default").stream(str(customer_id))]


class TestRegister:
    def test_writes_the_customer_and_tells_the_fact(self, api):
        answer = api.post(f"{BASE}/register", ADA)

        customer = Customer.objects.get()
        assert answer.status_code == 201
        assert answer.json() == {"id": str(customer.pk), "email": "ada@example.org", "name": "Ada Lovelace"}
        assert customer.pk.version == 7
        assert customer.check_password(PASSWORD)
        assert events_about(customer.pk) == ["accounts.customer-registered.v1"]

    def test_tells_ids_only(self, api):
        identity = api.post(f"{BASE}/register", ADA).json()["id"]

        (record,) = PostgresStore("default").stream(identity)
        assert json.loads(bytes(record.data)) == {"customer_id": identity}

    def test_stores_the_address_in_one_spelling(self, api):
        answer = api.post(f"{BASE}/register", ADA | {"email": " Ada@Bücher.Example "})

        assert answer.json()["email"] == "ada@xn--bcher-kva.example"

    def test_needs_no_name_and_takes_any_script(self, api):
        nameless = api.post(f"{BASE}/register", {"email": "one@example.org", "password": PASSWORD})
        named = api.post(f"{BASE}/register", ADA | {"name": "Ада 愛 🦊"})

        assert nameless.json()["name"] == ""
        assert named.json()["name"] == "Ада 愛 🦊"

    def test_gives_the_first_answer_again_for_the_same_key(self, api):
        first = api.post(f"{BASE}/register", ADA, HTTP_IDEMPOTENCY_KEY="once")

        again = api.post(f"{BASE}/register", ADA, HTTP_IDEMPOTENCY_KEY="once")

        assert again.json() == first.json()
        assert again["Idempotent-Replayed"] == "true"

    def test_sends_a_welcome(self, api):
        api.post(f"{BASE}/register", ADA)

        assert [(letter.to, letter.subject) for letter in mail.outbox] == [(["ada@example.org"], "Welcome")]


class TestRegisterATakenAddress:
    def test_looks_like_success_and_changes_nothing(self, api, customer):
        answer = api.post(f"{BASE}/register", ADA | {"email": "ADA@example.org", "password": "another long password"})

        body = answer.json()
        assert answer.status_code == 201
        assert body["email"] == "ada@example.org"
        assert body["id"] != str(customer.pk)
        assert Customer.objects.get().check_password(PASSWORD)
        assert events_about(body["id"]) == []

    def test_tells_the_owner_alone_and_only_once(self, api, customer):
        for _ in range(3):
            api.post(f"{BASE}/register", ADA)

        assert [(letter.to, letter.subject) for letter in mail.outbox] == [
            (["ada@example.org"], "You already have an account")
        ]

    def test_hashes_the_password_all_the_same(self, api, customer, monkeypatch):
        hashed = []
        monkeypatch.setattr(
            "nexus.accounts.services.registration.make_password", lambda password: hashed.append(password) or "hash"
        )

        api.post(f"{BASE}/register", ADA)

        assert hashed == [PASSWORD]

    def test_lets_one_of_many_at_once_win(self):
        def register(_):
            try:
                return APIClient().post(f"{BASE}/register", ADA).status_code
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(register, range(8)))

        assert statuses == [201] * 8
        assert Customer.objects.count() == 1


class TestRegisterRefuses:
    @pytest.mark.parametrize(
        ("password", "code"),
        [
            ("short", "password_too_short"),
            ("password1234", "password_too_common"),
            ("918273645019", "password_entirely_numeric"),
        ],
    )
    def test_a_weak_password_by_name(self, api, password, code):
        answer = api.post(f"{BASE}/register", ADA | {"password": password})

        assert answer.status_code == 400
        assert answer.json()["code"] == "weak_password"
        assert ("password", code) in fields_at_fault(answer)
        assert not Customer.objects.exists()

    @pytest.mark.parametrize("field", ["is_staff", "is_superuser", "id", "scope"])
    def test_a_field_it_does_not_know(self, api, field):
        answer = api.post(f"{BASE}/register", ADA | {field: True})

        assert answer.status_code == 400
        assert fields_at_fault(answer) == {(field, "unknown")}

    @pytest.mark.parametrize(
        "email",
        [
            "",
            "ada",
            "ada@",
            "@example.org",
            "a b@example.org",
            "a" * 250 + "@example.org",
            "ada@exa\uff20mple.org",
            "ada@.org",
            "ada@\u0627a.org",
            "\u0430da@example.org",
            "ada@example.org\0",
        ],
    )
    def test_what_is_no_address(self, api, email):
        answer = api.post(f"{BASE}/register", ADA | {"email": email})

        assert answer.status_code == 400
        assert {error["field"] for error in answer.json()["errors"]} == {"email"}

    @pytest.mark.parametrize("field", ["email", "password", "name"])
    @pytest.mark.parametrize("value", [1, True, None, [], {}])
    def test_a_value_of_the_wrong_type(self, api, field, value):
        answer = api.post(f"{BASE}/register", ADA | {field: value})

        assert answer.status_code == 400
        assert {error["field"] for error in answer.json()["errors"]} == {field}

    @pytest.mark.parametrize("body", ["[]", '"text"', "1", "null", "{", '{"email": "\\ud800@example.org"}', "{'a': 1}"])
    def test_a_body_that_is_no_object(self, api, body):
        answer = api.post(f"{BASE}/register", body, content_type="application/json")

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("field", ["name", "password"])
    def test_nul_and_lone_surrogates(self, api, field):
        nul = api.post(f"{BASE}/register", ADA | {field: "a name\0 of some length"})
        body = json.dumps(ADA | {field: "a name of some length \ud83e"})
        surrogate = api.post(f"{BASE}/register", body, content_type="application/json")

        assert (nul.status_code, surrogate.status_code) == (400, 400)

    def test_a_name_that_is_too_long(self, api):
        answer = api.post(f"{BASE}/register", ADA | {"name": "x" * 151})

        assert fields_at_fault(answer) == {("name", "max_length")}

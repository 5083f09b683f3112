"""The customer's own profile, and being forgotten."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from oauth2_provider.models import AccessToken, RefreshToken

from nexus.accounts.models import Customer
from nexus.eventbus.models import EventRecord
from nexus.web.models import IdempotencyKey

from .conftest import BASE, PASSWORD, with_token

pytestmark = pytest.mark.django_db(transaction=True, databases=["default"])


@pytest.fixture
def me(api, tokens):
    """The API with the customer's token."""
    api.credentials(**with_token(tokens["access_token"]))
    return api


class TestProfile:
    def test_is_shown_to_its_customer(self, me, customer):
        answer = me.get(f"{BASE}/me")

        assert answer.status_code == 200
        assert answer.json() == {
            "id": str(customer.pk),
            "email": "ada@example.org",
            "name": "Ada Lovelace",
            "registered_at": customer.date_joined.isoformat().replace("+00:00", "Z"),
        }
        assert answer["Cache-Control"] == "no-store"

    def test_is_the_same_with_a_trailing_slash(self, me):
        assert me.get(f"{BASE}/me/").json() == me.get(f"{BASE}/me").json()

    def test_takes_another_name(self, me, customer):
        answer = me.patch(f"{BASE}/me", {"name": "Ada King 愛"})

        assert (answer.status_code, answer.json()["name"]) == (200, "Ada King 愛")
        assert Customer.objects.get().name == "Ada King 愛"

    def test_stays_as_it_is_when_nothing_is_given(self, me):
        answer = me.patch(f"{BASE}/me", {})

        assert (answer.status_code, answer.json()["name"]) == (200, "Ada Lovelace")

    @pytest.mark.parametrize("field", ["email", "is_staff", "is_superuser", "is_active", "password", "id", "groups"])
    def test_has_fields_that_its_customer_cannot_change(self, me, field):
        answer = me.patch(f"{BASE}/me", {"name": "Changed", field: "anything"})

        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, "unknown")]
        assert Customer.objects.get().name == "Ada Lovelace"

    @pytest.mark.parametrize("name", [None, 7, [], "x" * 151, "nul\0"])
    def test_refuses_what_is_no_name(self, me, name):
        assert me.patch(f"{BASE}/me", {"name": name}).status_code == 400

    @pytest.mark.parametrize("method", ["get", "patch", "delete"])
    def test_is_closed_without_a_token(self, api, customer, method):
        answer = getattr(api, method)(f"{BASE}/me")

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert Customer.objects.get().is_active

    def test_is_closed_to_a_token_without_the_scope(self, api, bearer):
        assert api.get(f"{BASE}/me", **bearer(scope="orders")).status_code == 403

    def test_is_absent_once_the_customer_is_deactivated(self, me):
        Customer.objects.update(is_active=False)

        assert me.get(f"{BASE}/me").status_code == 404
        assert me.patch(f"{BASE}/me", {"name": "x"}).status_code == 404

    def test_refuses_unknown_parameters(self, me):
        assert me.get(f"{BASE}/me?fields=all").status_code == 400


class TestErase:
    def test_leaves_the_id_alone(self, me, customer):
        answer = me.delete(f"{BASE}/me")

        erased = Customer.objects.get()
        assert (answer.status_code, answer.content) == (204, b"")
        assert erased.pk == customer.pk
        assert (erased.email, erased.name, erased.is_active) == (f"{customer.pk}@erased.invalid", "", False)
        assert not erased.has_usable_password()

    def test_tells_the_others(self, me, customer):
        me.delete(f"{BASE}/me")

        assert [(record.type, record.subject) for record in EventRecord.objects.order_by("sequence")] == [
            ("accounts.customer-erased.v1", str(customer.pk))
        ]

    def test_goes_on_with_the_stream_of_a_registered_customer(self, api, log_in):
        api.post(f"{BASE}/register", {"email": "ada@example.org", "password": PASSWORD})
        api.delete(f"{BASE}/me", **with_token(log_in().json()["access_token"]))

        assert list(EventRecord.objects.order_by("sequence").values_list("type", "sequence")) == [
            ("accounts.customer-registered.v1", 1),
            ("accounts.customer-erased.v1", 2),
        ]

    def test_ends_every_session(self, me, tokens, log_in):
        me.delete(f"{BASE}/me")

        assert me.get(f"{BASE}/me").status_code == 404
        assert log_in().status_code == 400
        assert not AccessToken.objects.exists()
        assert not RefreshToken.objects.exists()

    def test_takes_personal_data_out_of_kept_answers_and_the_admins_log(self, api, log_in, customer):
        api.post(
            f"{BASE}/register", {"email": "ada@example.org", "password": PASSWORD}, HTTP_IDEMPOTENCY_KEY="kept-answer"
        )
        LogEntry.objects.create(
            user=customer,
            content_type=ContentType.objects.get_for_model(Customer),
            object_id=str(customer.pk),
            object_repr=str(customer),
            action_flag=2,
        )

        api.delete(f"{BASE}/me", **with_token(log_in().json()["access_token"]))

        assert not IdempotencyKey.objects.exists()
        assert LogEntry.objects.get().object_repr == str(customer.pk)

    def test_frees_the_address(self, me, api):
        me.delete(f"{BASE}/me")
        me.credentials()

        again = me.post(f"{BASE}/register", {"email": "ada@example.org", "password": PASSWORD}).json()

        assert Customer.objects.filter(pk=again["id"]).exists()

    def test_is_refused_to_staff(self, me):
        Customer.objects.update(is_staff=True)

        answer = me.delete(f"{BASE}/me")

        assert (answer.status_code, answer.json()["code"]) == (409, "staff_cannot_be_erased")
        assert Customer.objects.get().is_active

    def test_happens_once(self, me):
        me.delete(f"{BASE}/me")

        assert me.delete(f"{BASE}/me").status_code == 404
        assert EventRecord.objects.count() == 1

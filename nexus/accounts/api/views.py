"""Our own clients' endpoints: register, tokens, the customer's own profile."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from nexus.accounts import services
from nexus.accounts.api import examples
from nexus.accounts.api.serializers import (
    CredentialsSerializer,
    ProfileChangeSerializer,
    ProfileSerializer,
    RefreshTokenSerializer,
    RegisteredSerializer,
    RegistrationSerializer,
    TokenPairSerializer,
)
from nexus.accounts.selectors import get_customer
from nexus.accounts.services.answers import answers
from nexus.web.addresses import network_of
from nexus.web.idempotency import idempotent
from nexus.web.permissions import Anyone, customer_with
from nexus.web.views import APIView, principal

TAGS = ["accounts"]
# Answers with secrets in them are not kept, so these endpoints know no Idempotency-Key.
NOT_KEYED = [OpenApiParameter("Idempotency-Key", location=OpenApiParameter.HEADER, exclude=True)]


class Register(APIView):
    """
    Become a customer.

    A taken address gets the same answer; its owner gets a mail.
    """

    permission_classes = [Anyone]
    authentication_classes = []

    @extend_schema(
        operation_id="register",
        tags=TAGS,
        request=RegistrationSerializer,
        responses={201: RegisteredSerializer},
        examples=examples.REGISTER,
    )
    @idempotent(answers)
    def post(self, request: Request) -> Response:
        customer = services.register_customer(**_valid(RegistrationSerializer, request))
        return Response(RegisteredSerializer(customer).data, status=201)


class Token(APIView):
    """
    Log in with address and password.

    After a few failures every further one doubles the wait: 429 with `Retry-After`.
    """

    permission_classes = [Anyone]
    authentication_classes = []

    @extend_schema(
        operation_id="issueToken",
        tags=TAGS,
        parameters=NOT_KEYED,
        request=CredentialsSerializer,
        responses={200: TokenPairSerializer},
        examples=examples.TOKEN,
    )
    def post(self, request: Request) -> Response:
        credentials = _valid(CredentialsSerializer, request)
        return _tokens(services.issue_tokens(**credentials, network=network_of(request._request)))


class TokenRefresh(APIView):
    """
    Swap a refresh token for a new pair.

    Each refresh token works once. One that comes back is a stolen one: everything that descends from the same login
    ends.
    """

    permission_classes = [Anyone]
    authentication_classes = []

    @extend_schema(
        operation_id="refreshToken",
        tags=TAGS,
        parameters=NOT_KEYED,
        request=RefreshTokenSerializer,
        responses={200: TokenPairSerializer},
        examples=examples.REFRESH,
    )
    def post(self, request: Request) -> Response:
        return _tokens(services.refresh_tokens(**_valid(RefreshTokenSerializer, request)))


class TokenRevoke(APIView):
    """
    Log out.

    No refresh token of this login works any more; access tokens run out within five minutes. An unknown token is fine.
    """

    permission_classes = [Anyone]
    authentication_classes = []

    @extend_schema(
        operation_id="revokeToken",
        tags=TAGS,
        parameters=NOT_KEYED,
        request=RefreshTokenSerializer,
        responses={204: None},
        examples=examples.REVOKE,
    )
    def post(self, request: Request) -> Response:
        services.revoke_tokens(**_valid(RefreshTokenSerializer, request))
        return Response(status=204)


class Me(APIView):
    """The customer whose token it is."""

    permission_classes = [customer_with("profile")]

    @extend_schema(operation_id="getProfile", tags=TAGS, responses={200: ProfileSerializer}, examples=examples.PROFILE)
    def get(self, request: Request) -> Response:
        return Response(ProfileSerializer(get_customer(customer_id=_customer_id(request))).data)

    @extend_schema(
        operation_id="changeProfile",
        tags=TAGS,
        request=ProfileChangeSerializer,
        responses={200: ProfileSerializer},
        examples=examples.PROFILE_CHANGE,
    )
    def patch(self, request: Request) -> Response:
        changes = _valid(ProfileChangeSerializer, request)
        customer = services.change_profile(customer_id=_customer_id(request), name=changes.get("name"))
        return Response(ProfileSerializer(customer).data)

    @extend_schema(operation_id="eraseCustomer", tags=TAGS, request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Be forgotten: name and address are gone everywhere, orders stay without them. Cannot be undone."""
        services.erase_customer(customer_id=_customer_id(request))
        return Response(status=204)


def _valid(kind: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = serializer.validated_data
    return valid


def _tokens(pair: services.TokenPair) -> Response:
    body = TokenPairSerializer(asdict(pair) | {"token_type": "Bearer"}).data
    return Response(body, headers={"Cache-Control": "no-store"})


def _customer_id(request: Request) -> UUID:
    customer_id = principal(request).customer_id
    assert customer_id is not None, "customer_with() lets customers in only"
    return customer_id

"""Orders as JSON."""

from datetime import datetime
from typing import Any

from django.conf import settings
from rest_framework import serializers

from nexus.contracts.money import MINOR_DIGITS, as_text
from nexus.orders.models import Status
from nexus.orders.selectors import OrderView
from nexus.orders.services import Line
from nexus.orders.services.offered import LARGEST_QUANTITY
from nexus.web.serializers import StrictSerializer, TextField, WholeNumberField

MOST_LINES = 100


class WantedLineSerializer(StrictSerializer):
    sku = TextField(max_length=64)
    quantity = WholeNumberField(min_value=1, max_value=LARGEST_QUANTITY)


class PlaceOrderSerializer(StrictSerializer):
    """What a customer sends; prices are the shop's business."""

    lines = serializers.ListField(child=WantedLineSerializer(), allow_empty=False, max_length=MOST_LINES)
    currency = TextField(required=False, min_length=3, max_length=3, help_text="ISO 4217; the shop's when absent")
    note = TextField(required=False, allow_blank=True, max_length=500)

    def validate_currency(self, value: str) -> str:
        if value not in MINOR_DIGITS:
            raise serializers.ValidationError("Not a currency that this shop knows.", code="unknown_currency")
        return value

    def validate_lines(self, value: list[dict[str, Any]]) -> list[Line]:
        """Equal skus become one line, at the place of the first."""
        merged: dict[str, Line] = {}
        for position, wanted in enumerate(value):
            first = merged.get(wanted["sku"])
            merged[wanted["sku"]] = Line(
                sku=wanted["sku"],
                quantity=wanted["quantity"] + (first.quantity if first else 0),
                position=first.position if first else position,
            )
        for line in merged.values():
            if line.quantity > LARGEST_QUANTITY:
                message = f"At most {LARGEST_QUANTITY} of {line.sku} in one order."
                raise serializers.ValidationError({f"{line.position}.quantity": [message]}, code="max_value")
        return list(merged.values())

    def placing(self) -> dict[str, Any]:
        """The keyword arguments of `place_order` that are the customer's."""
        body = self.validated_data
        return {
            "lines": body["lines"],
            "currency": body.get("currency", settings.CURRENCY),
            "note": body.get("note", ""),
        }


class OrderLineSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    line_total = serializers.CharField()


class OrderSerializer(serializers.Serializer[Any]):
    """The shape of an order, for the OpenAPI document; `as_json` makes it."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    currency = serializers.CharField()
    total = serializers.CharField()
    lines = OrderLineSerializer(many=True)
    note = serializers.CharField()
    reason = serializers.CharField(required=False)
    placed_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class OrderListSerializer(serializers.Serializer[Any]):
    results = OrderSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class OrderEventSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    type = serializers.CharField()
    sequence = serializers.IntegerField()
    time = serializers.DateTimeField()
    data = serializers.JSONField()  # type: ignore[assignment]


class OrderHistorySerializer(serializers.Serializer[Any]):
    results = OrderEventSerializer(many=True)


def _as_text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def as_json(order: OrderView) -> dict[str, Any]:
    """The order as clients see it: money as text with the currency's digits."""
    currency, placed_at = order.currency, _as_text(order.placed_at)
    body: dict[str, Any] = {
        "id": str(order.id),
        "number": order.number,
        "status": str(order.status),
        "currency": currency,
        "total": as_text(order.total, currency),
        "lines": [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "unit_price": as_text(line.unit_price, currency),
                "line_total": as_text(line.unit_price * line.quantity, currency),
            }
            for line in order.lines
        ],
        "note": order.note,
        "placed_at": placed_at,
        "updated_at": placed_at if order.updated_at is order.placed_at else _as_text(order.updated_at),
        "version": order.version,
    }
    if order.reason:
        body["reason"] = order.reason
    return body

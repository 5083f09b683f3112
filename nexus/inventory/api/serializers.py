"""Stock as JSON."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from nexus.inventory.models import ADJUSTMENTS, MAIN_LOCATION, MOST_ON_HAND, LedgerEntry, Location
from nexus.inventory.selectors import Counters, LevelView
from nexus.web.serializers import StrictSerializer, TextField, WholeNumberField


class AdjustmentSerializer(StrictSerializer):
    quantity = WholeNumberField(min_value=-MOST_ON_HAND, max_value=MOST_ON_HAND)
    reason = serializers.ChoiceField(choices=[reason.value for reason in ADJUSTMENTS])
    location = TextField(required=False, max_length=40, default=MAIN_LOCATION)
    note = TextField(required=False, allow_blank=True, max_length=300, default="")

    def validate_quantity(self, value: int) -> int:
        if value == 0:
            raise serializers.ValidationError("Nothing would change.", code="zero")
        return value


class NewLocationSerializer(StrictSerializer):
    code = serializers.SlugField(max_length=40)
    name = TextField(max_length=100)
    rank = WholeNumberField(required=False, default=100, min_value=0, max_value=32000)


class LevelSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    available = serializers.IntegerField()
    in_stock = serializers.BooleanField()
    version = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    source = serializers.ChoiceField(choices=["cache", "database"])  # type: ignore[assignment]


class LevelListSerializer(serializers.Serializer[Any]):
    results = LevelSerializer(many=True)


class PastLevelSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    at = serializers.DateTimeField()
    on_hand = serializers.IntegerField()
    reserved = serializers.IntegerField()
    available = serializers.IntegerField()


class LedgerEntrySerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sku = serializers.CharField()
    location = serializers.CharField()
    on_hand = serializers.IntegerField(help_text="Change of what is there")
    reserved = serializers.IntegerField(help_text="Change of what is set aside")
    reason = serializers.CharField()
    cause_id = serializers.UUIDField()
    order_id = serializers.UUIDField(allow_null=True)
    actor = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class LedgerSerializer(serializers.Serializer[Any]):
    results = LedgerEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class LocationSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    rank = serializers.IntegerField()


class LocationListSerializer(serializers.Serializer[Any]):
    results = LocationSerializer(many=True)


def level_as_json(found: LevelView) -> dict[str, Any]:
    level = found.level
    return {
        "sku": level.sku,
        "available": level.available,
        "in_stock": level.available > 0,
        "version": level.version,
        "as_of": _rfc3339(level.as_of),
        "source": found.source,
    }


def past_level_as_json(sku: str, at: datetime, counters: Counters) -> dict[str, Any]:
    return {
        "sku": sku,
        "at": _rfc3339(at),
        "on_hand": counters.on_hand,
        "reserved": counters.reserved,
        "available": counters.on_hand - counters.reserved,
    }


def entry_as_json(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "sku": entry.sku,
        "location": entry.location.code,
        "on_hand": entry.on_hand,
        "reserved": entry.reserved,
        "reason": entry.reason,
        "cause_id": str(entry.cause_id),
        "order_id": entry.order_id and str(entry.order_id),
        "actor": entry.actor,
        "note": entry.note,
        "created_at": _rfc3339(entry.created_at),
    }


def location_as_json(location: Location) -> dict[str, Any]:
    return {"code": location.code, "name": location.name, "rank": location.rank}


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")

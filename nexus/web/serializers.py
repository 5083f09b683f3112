"""Serializers and fields that every API shares."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a typo must not look like success, nor a forbidden field like a no-op."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := data.keys() - self._writable_names()):
            raise serializers.ValidationError(
                {str(name): [serializers.ErrorDetail("There is no such field.", code="unknown")] for name in unknown}
            )
        return super().to_internal_value(data)

    def _writable_names(self) -> set[str]:
        return {name for name, field in self.fields.items() if not field.read_only}


class WholeNumberField(serializers.IntegerField):
    """A JSON number without a fraction; neither ``"3"`` nor ``true`` nor ``3.0`` is one."""

    default_error_messages = {"not_whole": "A whole number."}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("not_whole")
        return super().to_internal_value(data)


class TextField(serializers.CharField):
    """A JSON string; numbers and booleans are not quietly turned into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem document, for the OpenAPI document only."""

    class FieldErrorSerializer(serializers.Serializer[Any]):
        field = serializers.CharField(help_text="Path of the field, such as lines.0.quantity")
        code = serializers.CharField()
        message = serializers.CharField()

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    instance = serializers.CharField()
    trace_id = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]

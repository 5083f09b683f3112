"""OpenAPI: every operation also lists the problems it may answer with."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from nexus.web.permissions import Anyone
from nexus.web.serializers import ProblemSerializer

PROBLEM = "application/problem+json"


class Schema(AutoSchema):
    """Adds problem answers, the Idempotency-Key and the list parameters that all endpoints share."""

    def get_operation_id(self) -> str:
        """Such as ``get_order_detail``: stable names for generated clients, without clashes."""
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self.view).__name__).lower()
        return f"{self.method.lower()}_{words}"

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self.method == "POST":
            parameters.append(IDEMPOTENCY_KEY)
        parameters.append(REQUEST_ID)
        return parameters

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        # Not get_response_serializers: @extend_schema(responses=…) replaces that one.
        bodies = super()._get_response_bodies(direction)
        for status in self._problem_statuses():
            answer = (ProblemSerializer, status, [PROBLEM], direction)
            problem = self._get_response_for_code(*answer)  # type: ignore[no-untyped-call]
            bodies.setdefault(status, problem)
        return bodies

    def _problem_statuses(self) -> list[str]:
        statuses = ["400", "429", "503"]
        if not any(isinstance(permission, Anyone) for permission in self.view.get_permissions()):
            statuses += ["401", "403"]
        if "{" in self.path:
            statuses.append("404")
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            statuses += ["409", "413", "415"]
        if self.method == "POST":
            statuses.append("422")
        if self.method in ("PUT", "PATCH", "DELETE"):
            statuses.append("412")
        return statuses


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="At most 255 characters. The same key with the same body gets the first answer again, for 24 hours.",
)
REQUEST_ID = OpenApiParameter(
    "X-Request-ID", str, OpenApiParameter.HEADER, description="8 to 64 letters, digits and hyphens; returned as given."
)


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How `BearerToken` is described; found by its mere definition."""

    target_class = "nexus.web.authentication.BearerToken"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

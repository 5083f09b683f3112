"""Examples in the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that you read: the change is refused with 412 when somebody else made one since.",
)

_variant: dict[str, Any] = {
    "sku": "LAMP-ALVA-BRASS",
    "name": "Brass",
    "attributes": {"finish": "brass"},
    "prices": [{"currency": "EUR", "amount": "79.00"}, {"currency": "USD", "amount": "85.00"}],
}
_new: dict[str, Any] = {
    "slug": "alva-desk-lamp",
    "name": "Alva desk lamp",
    "description": "Turns where you need it.",
    "product_type": "lamp",
    "categories": ["desk-lamps"],
    "attributes": {"dimmable": True, "height": {"value": 42, "unit": "cm"}},
    "media": [{"url": "/media/alva.webp", "alt": "A brass lamp on a desk"}],
    "status": "published",
    "variants": [_variant],
}
_product: dict[str, Any] = {
    "id": "0199d9a2-5c1e-7c44-9f0b-2f6f5e3c1a77",
    **_new,
    "variants": [_variant | {"availability": {"in_stock": True, "available": 12, "as_of": "2026-01-05T09:30:00Z"}}],
    "created_at": "2026-01-05T09:00:00Z",
    "updated_at": "2026-01-05T09:00:00Z",
    "version": 1,
}
_category = {"slug": "desk-lamps", "name": "Desk lamps", "parent": "lighting"}
_category_shown = {
    "id": "0199d9a2-5c1e-7c44-9f0b-2f6f5e3c1a78",
    **_category,
    "path": "lighting/desk-lamps",
    "version": 1,
}
_attribute = {"label": "", "unit": "", "required": False, "choices": []}
_type: dict[str, Any] = {
    "slug": "lamp",
    "name": "Lamp",
    "attributes": [
        {**_attribute, "name": "dimmable", "kind": "boolean", "on": "product"},
        {**_attribute, "name": "height", "kind": "measure", "unit": "cm", "on": "product"},
        {**_attribute, "name": "finish", "kind": "choice", "choices": ["brass", "black"], "on": "variant"},
    ],
}
_type_shown = {"id": "0199d9a2-5c1e-7c44-9f0b-2f6f5e3c1a79", **_type, "version": 1}


def _asked(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _answered(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200", "201"])


def _listed(name: str, value: Any) -> OpenApiExample:
    return _answered(name, {"results": [value], "next": None, "previous": None})


NEW_PRODUCT = _asked("A lamp", _new)
PRODUCT_CHANGES = _asked("A new name", {"name": "Alva, the desk lamp"})
PRODUCT = _answered("The lamp", _product)
PRODUCT_LIST = _listed("One lamp", _product)
NEW_CATEGORY = _asked("Below another", _category)
CATEGORY_CHANGES = _asked("To the top", {"parent": None})
CATEGORY = _answered("The category", _category_shown)
CATEGORY_LIST = _listed("One category", _category_shown)
NEW_PRODUCT_TYPE = _asked("Lamps", _type)
PRODUCT_TYPE_CHANGES = _asked("Another name", {"name": "Lamp or lantern"})
PRODUCT_TYPE = _answered("The type", _type_shown)
PRODUCT_TYPE_LIST = _listed("One type", _type_shown)

"""What the services take: new things whole, and changes with only what is to change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final, TypeAlias


class _Unset(Enum):
    UNSET = "unset"


Unset: TypeAlias = _Unset
UNSET: Final = _Unset.UNSET
"""Leave it as it is."""

Value: TypeAlias = Any
"""An attribute's value: its shape is checked against the product type."""


@dataclass(frozen=True, kw_only=True)
class NewVariant:
    """A variant to be; `prices` maps currencies to minor units."""

    sku: str
    name: str = ""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    prices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NewMedia:
    url: str
    alt: str = ""


@dataclass(frozen=True, kw_only=True)
class NewProduct:
    """A product to be; `product_type` and `categories` are slugs."""

    slug: str
    name: str
    product_type: str
    description: str = ""
    categories: Sequence[str] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    media: Sequence[NewMedia] = ()
    status: str = "draft"
    variants: Sequence[NewVariant] = ()


@dataclass(frozen=True, kw_only=True)
class ProductChanges:
    """What is to change of a product; `variants`, `media`, `categories` and `attributes` are replaced whole."""

    slug: str | Unset = UNSET
    name: str | Unset = UNSET
    product_type: str | Unset = UNSET
    description: str | Unset = UNSET
    categories: Sequence[str] | Unset = UNSET
    attributes: Mapping[str, Value] | Unset = UNSET
    media: Sequence[NewMedia] | Unset = UNSET
    status: str | Unset = UNSET
    variants: Sequence[NewVariant] | Unset = UNSET


@dataclass(frozen=True, kw_only=True)
class NewCategory:
    """A category to be, below `parent` (a slug) or at the top."""

    slug: str
    name: str
    parent: str | None = None


@dataclass(frozen=True, kw_only=True)
class CategoryChanges:
    name: str | Unset = UNSET
    parent: str | Unset | None = UNSET


@dataclass(frozen=True, kw_only=True)
class NewAttribute:
    """An attribute of a product type, see `AttributeRow`."""

    name: str
    kind: str
    label: str = ""
    unit: str = ""
    required: bool = False
    choices: Sequence[str] = ()
    on: str = "product"


@dataclass(frozen=True, kw_only=True)
class NewProductType:
    slug: str
    name: str
    attributes: Sequence[NewAttribute] = ()


@dataclass(frozen=True, kw_only=True)
class ProductTypeChanges:
    name: str | Unset = UNSET
    attributes: Sequence[NewAttribute] | Unset = UNSET


def given(changes: ProductChanges | CategoryChanges | ProductTypeChanges) -> dict[str, Any]:
    """The fields that are to change, by name."""
    values = {each.name: getattr(changes, each.name) for each in fields(changes)}
    return {name: value for name, value in values.items() if value is not UNSET}

"""What kinds of products there are, and which attributes each kind has."""

from typing import TypedDict
from uuid import UUID

import mongoengine as me

from nexus.catalog.models import fields
from nexus.catalog.models.connection import ALIAS
from nexus.contracts.base import uuid7

KINDS = ("text", "number", "boolean", "choice", "multi-choice", "date", "measure")
PLACES = ("product", "variant")


class AttributeRow(TypedDict):
    """
    One attribute of a kind of product.

    `on` says whether the product has a value or each variant; `unit` belongs to measures, `choices` to choices.
    """

    name: str
    label: str
    kind: str
    unit: str
    required: bool
    choices: list[str]
    on: str


class TypeRow(TypedDict):
    """A product type as stored."""

    _id: UUID
    slug: str
    name: str
    attributes: list[AttributeRow]
    version: int


class AttributeDefinition(me.EmbeddedDocument):
    name = me.StringField(
        required=True, regex=rf"{fields.ATTRIBUTE_NAME[:-1]}\Z", max_length=fields.LONGEST_ATTRIBUTE_NAME
    )
    label = fields.name(required=False, default="")
    kind = me.StringField(required=True, choices=KINDS)
    unit = me.StringField(max_length=20, default="")
    required = me.BooleanField(default=False)
    choices = me.ListField(me.StringField(max_length=100), max_length=200)
    on = me.StringField(choices=PLACES, default="product")


class ProductType(me.Document):
    """Its slug never changes: products refer to it. `claims` rises with every product that begins to use it."""

    id = me.UUIDField(primary_key=True, default=uuid7)
    slug = fields.slug()
    name = fields.name()
    attributes = me.EmbeddedDocumentListField(AttributeDefinition, max_length=100)
    version = me.IntField(required=True, default=1)
    claims = me.IntField(default=0)

    meta = {
        "collection": "product_types",
        "db_alias": ALIAS,
        "auto_create_index": False,
        "indexes": [{"fields": ["slug"], "unique": True}],
    }

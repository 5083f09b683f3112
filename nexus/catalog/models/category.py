"""Where products stand in the shop."""

from typing import TypedDict
from uuid import UUID

import mongoengine as me

from nexus.catalog.models import fields
from nexus.catalog.models.connection import ALIAS
from nexus.contracts.base import uuid7


class CategoryRow(TypedDict):
    """A category as stored. `path` is its slug behind those of all its ancestors: ``home/lighting/desk-lamps``."""

    _id: UUID
    slug: str
    name: str
    parent: str | None
    path: str
    version: int


class Category(me.Document):
    """Its slug never changes: products refer to it. `claims` rises with every product that begins to use it."""

    id = me.UUIDField(primary_key=True, default=uuid7)
    slug = fields.slug()
    name = fields.name()
    parent = me.StringField(null=True)
    path = me.StringField(required=True)
    version = me.IntField(required=True, default=1)
    claims = me.IntField(default=0)

    meta = {
        "collection": "categories",
        "db_alias": ALIAS,
        "auto_create_index": False,
        "indexes": [{"fields": ["slug"], "unique": True}, "path", "parent"],
    }

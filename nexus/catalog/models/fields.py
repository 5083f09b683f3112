"""What names of things may look like, in URLs, in events and as keys of documents."""

import mongoengine as me

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
SKU = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
ATTRIBUTE_NAME = r"^[a-z][a-z0-9_]*$"
LONGEST_SLUG, LONGEST_SKU, LONGEST_ATTRIBUTE_NAME, LONGEST_NAME = 100, 64, 40, 200


def slug(**options: object) -> me.StringField:
    return me.StringField(required=True, regex=rf"{SLUG[:-1]}\Z", max_length=LONGEST_SLUG, **options)


def sku(**options: object) -> me.StringField:
    return me.StringField(required=True, regex=rf"{SKU[:-1]}\Z", max_length=LONGEST_SKU, **options)


def name(*, required: bool = True, **options: object) -> me.StringField:
    return me.StringField(required=required, min_length=int(required), max_length=LONGEST_NAME, **options)

"""The shadows of the catalog's documents."""

from typing import Any

from django.db import models

from nexus.catalog.admin.attribute_fields import PREFIX, display_of
from nexus.catalog.admin.shadow import Shadow
from nexus.catalog.models import STATUSES, bus, category, product, product_type


class Product(Shadow):
    document_class = product.Product

    id = models.UUIDField(primary_key=True, editable=False)
    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=100)
    status = models.CharField(max_length=20, choices=[(status, status.capitalize()) for status in STATUSES])
    product_type = models.CharField("type", max_length=100)
    description = models.TextField(blank=True)
    updated_at = models.DateTimeField("changed", editable=False)

    class Meta(Shadow.Meta):
        verbose_name = "product"

    def __str__(self) -> str:
        return self.name

    def reflect(self) -> None:
        super().reflect()
        self.categories = ", ".join(self.document.categories)

    def __getattr__(self, name: str) -> Any:
        # Staff who may only look are shown attributes by the form's field names.
        if not name.startswith(PREFIX):
            raise AttributeError(name)
        return display_of(self.document.attributes.get(name.removeprefix(PREFIX), "–"))


class Category(Shadow):
    document_class = category.Category

    id = models.UUIDField(primary_key=True, editable=False)
    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=100)
    parent = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  None means the top
    path = models.CharField(max_length=2000, editable=False)

    class Meta(Shadow.Meta):
        verbose_name = "category"
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ProductType(Shadow):
    document_class = product_type.ProductType

    id = models.UUIDField(primary_key=True, editable=False)
    name = models.CharField(max_length=200)
    slug = models.CharField(max_length=100)

    class Meta(Shadow.Meta):
        verbose_name = "product type"

    def __str__(self) -> str:
        return self.name


class LoggedEvent(Shadow):
    document_class = bus.LoggedEvent

    position = models.BigIntegerField(primary_key=True, editable=False)
    event_id = models.TextField()
    type = models.TextField()
    subject = models.TextField()
    sequence = models.BigIntegerField()
    time = models.DateTimeField()
    data = models.TextField()
    correlation_id = models.TextField()
    causation_id = models.TextField()

    class Meta(Shadow.Meta):
        verbose_name = "event"
        verbose_name_plural = "event log"

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class DeadLetter(Shadow):
    document_class = bus.DeadLetter

    id = models.CharField(primary_key=True, max_length=24, editable=False)
    subscriber = models.TextField()
    event_id = models.TextField()
    type = models.TextField()
    event = models.TextField()
    error = models.TextField()
    attempts = models.IntegerField()
    first_failed_at = models.DateTimeField()
    last_failed_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True)

    class Meta(Shadow.Meta):
        verbose_name = "dead letter"

    def __str__(self) -> str:
        return f"{self.type} for {self.subscriber}"

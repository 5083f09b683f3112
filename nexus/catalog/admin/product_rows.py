"""The rows of a product's form: its variants and its pictures."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings

from nexus.catalog.admin.attribute_fields import fields_for, initial_for, values_from
from nexus.catalog.admin.rows import RowForm, Rows, rows_of
from nexus.catalog.models import TypeRow, fields
from nexus.catalog.services import NewVariant
from nexus.contracts.money import MINOR_DIGITS, as_decimal, as_minor_units

PRICE = "price_"


class PictureForm(RowForm):
    url = forms.CharField(
        label="Address", max_length=4000, help_text="https://… or a path on this site, such as /media/lamp.webp"
    )
    alt = forms.CharField(label="Description", max_length=300, required=False, help_text="For those who cannot see it")

    @property
    def preview(self) -> str:
        return str(self.initial.get("url", ""))


class Pictures(Rows):
    title, row_name = "Pictures", "picture"


class VariantForm(RowForm):
    """One variant; prices in the shop's currency, in those the product has already, and in one more."""

    sku = forms.RegexField(
        fields.SKU, label="SKU", max_length=fields.LONGEST_SKU, help_text="Letters, digits, dots, hyphens."
    )
    name = forms.CharField(max_length=fields.LONGEST_NAME, required=False, help_text="What tells it from the others.")

    def __init__(self, *args: Any, kind: TypeRow, currencies: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._kind, self._currencies = kind, currencies
        self.fields.update(fields_for(kind["attributes"], on="variant"))
        for currency in currencies:
            self.fields[PRICE + currency] = _price_field(currency)
        others = [(currency, currency) for currency in sorted(MINOR_DIGITS) if currency not in currencies]
        self.fields["other_currency"] = forms.ChoiceField(
            label="Other currency", required=False, choices=[("", "---"), *others]
        )
        self.fields["other_price"] = forms.DecimalField(label="Price in it", required=False, min_value=0, max_digits=12)

    @property
    def summary(self) -> str:
        return str(self.initial.get("stock", ""))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        currency, amount = cleaned.get("other_currency"), cleaned.get("other_price")
        if bool(currency) != (amount is not None):
            self.add_error("other_price", "A price and its currency belong together.")
        elif currency and amount is not None:
            self._check_digits(currency, amount)
        return cleaned

    def variant(self) -> NewVariant:
        """The row as the service takes it."""
        cleaned = self.cleaned_data
        amounts = {currency: cleaned.get(PRICE + currency) for currency in self._currencies}
        if cleaned.get("other_currency"):
            amounts[cleaned["other_currency"]] = cleaned["other_price"]
        return NewVariant(
            sku=cleaned["sku"],
            name=cleaned["name"],
            prices={each: as_minor_units(amount, each) for each, amount in amounts.items() if amount is not None},
            attributes=values_from(self._kind["attributes"], cleaned, on="variant"),
        )

    def _check_digits(self, currency: str, amount: Decimal) -> None:
        try:
            as_minor_units(amount, currency)
        except ValueError as why:
            self.add_error("other_price", f"{why}.")


class Variants(Rows):
    title, row_name = "Variants", "variant"


PictureRows = rows_of(PictureForm, Pictures, extra=0, most=50)
VariantRows = rows_of(VariantForm, Variants, extra=0, most=200)
FirstVariantRows = rows_of(VariantForm, Variants, extra=1, most=200)


def _price_field(currency: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=f"Price {currency}",
        required=False,
        min_value=0,
        max_digits=12,
        decimal_places=MINOR_DIGITS[currency],
    )


def currencies_of(document: Any) -> list[str]:
    there = {price.currency for variant in document.variants for price in variant.prices} if document else set()
    return [settings.CURRENCY, *sorted(there - {settings.CURRENCY})]


def picture_rows(document: Any) -> list[dict[str, Any]]:
    return [{"url": each.url, "alt": each.alt} for each in document.media] if document else []


def variant_rows(document: Any, kind: TypeRow) -> list[dict[str, Any]]:
    if document is None:
        return []
    return [
        {
            "sku": variant.sku,
            "name": variant.name,
            "stock": _stock(variant.availability),
            **{PRICE + price.currency: as_decimal(price.amount, price.currency) for price in variant.prices},
            **initial_for(kind["attributes"], variant.attributes, on="variant"),
        }
        for variant in document.variants
    ]


def _stock(availability: Any) -> str:
    if availability.as_of is None:
        return "stock not heard of yet"
    return f"{availability.available} in stock, as of {availability.as_of:%Y-%m-%d %H:%M} UTC"

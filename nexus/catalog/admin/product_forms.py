"""The form of a product: its fields, its attributes by its type, and rows for variants and pictures."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nexus.catalog import selectors, services
from nexus.catalog.admin.attribute_fields import PREFIX, fields_for, initial_for, values_from
from nexus.catalog.admin.base import DocumentForm
from nexus.catalog.admin.product_rows import (
    FirstVariantRows,
    PictureRows,
    VariantRows,
    currencies_of,
    picture_rows,
    variant_rows,
)
from nexus.catalog.admin.rows import Rows
from nexus.catalog.admin.shadows import Product
from nexus.catalog.admin.tree import category_choices
from nexus.catalog.models import STATUSES, TypeRow, fields
from nexus.catalog.services import NewMedia, NewProduct, ProductChanges
from nexus.contracts.errors import FieldError


class TwoLists(FilteredSelectMultiple):
    """In an element of its own: the admin's script puts the lists first in whatever contains them."""

    def render(self, *args: Any, **options: Any) -> SafeString:
        return format_html('<div class="related-widget-wrapper">{}</div>', super().render(*args, **options))


class ProductForm(DocumentForm):
    """Subclassed by `product_form` for a product type."""

    kind: TypeRow
    name = forms.CharField(max_length=fields.LONGEST_NAME, widget=forms.TextInput(attrs={"class": "vTextField"}))
    slug = forms.RegexField(
        fields.SLUG,
        max_length=fields.LONGEST_SLUG,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="The product's name in addresses: small letters, digits and hyphens.",
    )
    status = forms.ChoiceField(
        choices=[(status, status.capitalize()) for status in STATUSES],
        initial="draft",
        help_text="Customers see and buy what is published. A published product needs a variant with a price.",
    )
    description = forms.CharField(
        required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField"})
    )
    categories = forms.MultipleChoiceField(required=False, widget=TwoLists("categories", is_stacked=False))

    class Meta:
        model = Product
        fields = ["name", "slug", "status", "description"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        document = self.instance.document
        self.fields["categories"].choices = category_choices()  # type: ignore[attr-defined]
        if document:
            self.initial["categories"] = list(document.categories)
            self.initial.update(initial_for(self.kind["attributes"], document.attributes, on="product"))
        data = self.data if self.is_bound else None
        self.pictures = PictureRows(data, prefix="pictures", initial=picture_rows(document))
        self.variants = (VariantRows if document else FirstVariantRows)(
            data,
            prefix="variants",
            initial=variant_rows(document, self.kind),
            form_kwargs={"kind": self.kind, "currencies": currencies_of(document)},
        )

    @property
    def row_sets(self) -> list[Rows]:
        """What stands below the fields."""
        return [self.variants, self.pictures]

    @property
    def changed_data(self) -> list[str]:
        rows = [name for name in ("pictures", "variants") if getattr(self, name).has_changed()]
        return [*super().changed_data, *rows]

    def product(self) -> NewProduct:
        """What was filled in, as the service takes it."""
        cleaned = self.cleaned_data
        return NewProduct(
            slug=cleaned["slug"],
            name=cleaned["name"],
            product_type=self.kind["slug"],
            description=cleaned["description"],
            categories=cleaned["categories"],
            attributes=values_from(self.kind["attributes"], cleaned, on="product"),
            media=[NewMedia(url=row["url"], alt=row["alt"]) for row in self.pictures.kept()],
            status=cleaned["status"],
            variants=[form.variant() for form in self.variants.kept_forms()],  # type: ignore[attr-defined]
        )

    def find_errors(self) -> Iterable[FieldError]:
        if not (self.pictures.is_valid() and self.variants.is_valid()):
            self.add_error(None, "Please correct the errors in the rows below.")
            return
        product, mine = self.product(), self.instance.pk if self.instance.document else None
        yield from services.check_product(product=product)
        if selectors.is_slug_taken(slug=product.slug, by_other_than=mine):
            yield FieldError(field="slug", code="slug_taken", message="Another product has this slug.")
        for position, variant in enumerate(product.variants):
            owner = selectors.find_product_by_sku(sku=variant.sku)
            if owner and owner["_id"] != mine:
                message = f"{owner['name']} has this SKU."
                yield FieldError(field=f"variants.{position}.sku", code="sku_taken", message=message)

    def show_errors(self, errors: Iterable[FieldError]) -> None:
        for error in errors:
            rows, _, rest = error.field.partition(".")
            position, _, name = rest.partition(".")
            if rows != "variants" or not position.isdigit():
                super().show_errors([error])
                continue
            form = self.variants.kept_forms()[int(position)]
            place = name.replace("attributes.", PREFIX)
            form.add_error(place if place in form.fields else None, error.message)
            self.add_error(None, f"{form.cleaned_data.get('sku') or 'A variant'}: {error.message}")

    def place_of(self, path: str) -> str:
        return path.replace("attributes.", PREFIX)

    def save_through_service(self) -> Any:
        product, document = self.product(), self.instance.document
        if document is None:
            return services.create_product(product=product)
        names = ["name", "description", "categories", "media", "status", "attributes", "variants"]
        changes = ProductChanges(slug=product.slug, **{name: getattr(product, name) for name in names})
        return services.change_product(slug=document.slug, changes=changes, version=document.version)


def product_form(kind: TypeRow) -> type[ProductForm]:
    """The form of products of this type: with a field for each of its attributes."""
    return type("ProductForm", (ProductForm,), {"kind": kind, **fields_for(kind["attributes"], on="product")})

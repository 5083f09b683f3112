"""Product types in the admin."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from nexus.catalog import selectors, services
from nexus.catalog.admin.base import DocumentAdmin, DocumentForm
from nexus.catalog.admin.rows import RowForm, Rows, rows_of
from nexus.catalog.admin.shadows import ProductType
from nexus.catalog.models import KINDS, PLACES, fields
from nexus.catalog.services import NewAttribute, NewProductType, ProductTypeChanges
from nexus.contracts.errors import FieldError


class AttributeForm(RowForm):
    name = forms.RegexField(
        fields.ATTRIBUTE_NAME,
        max_length=fields.LONGEST_ATTRIBUTE_NAME,
        help_text="For programs: small letters, digits and _.",
    )
    label = forms.CharField(max_length=fields.LONGEST_NAME, required=False, help_text="For people.")
    kind = forms.ChoiceField(choices=[(kind, kind.capitalize()) for kind in KINDS])
    on = forms.ChoiceField(label="Belongs to", choices=[(place, f"the {place}") for place in PLACES])
    required = forms.BooleanField(required=False)
    choices = forms.CharField(required=False, help_text="For a choice: separated by commas.")
    unit = forms.CharField(max_length=20, required=False, help_text="For a measure, such as cm.")

    def attribute(self) -> NewAttribute:
        """The row as the service takes it."""
        values = {name: self.cleaned_data[name] for name in ("name", "label", "kind", "on", "required", "unit")}
        words = [word.strip() for word in self.cleaned_data["choices"].split(",")]
        return NewAttribute(choices=[word for word in words if word], **values)


class Attributes(Rows):
    title, row_name = "Attributes", "attribute"


AttributeRows = rows_of(AttributeForm, Attributes, extra=0, most=100)


class ProductTypeForm(DocumentForm):
    name = forms.CharField(max_length=fields.LONGEST_NAME, widget=forms.TextInput(attrs={"class": "vTextField"}))
    slug = forms.RegexField(
        fields.SLUG,
        max_length=fields.LONGEST_SLUG,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Small letters, digits and hyphens. Stays as it is: products refer to it.",
    )

    class Meta:
        model = ProductType
        fields = ["name", "slug"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        document = self.instance.document
        self.fields["slug"].disabled = document is not None
        names = ("name", "label", "kind", "on", "required", "unit")
        initial = [
            {name: getattr(each, name) for name in names} | {"choices": ", ".join(each.choices)}
            for each in (document.attributes if document else [])
        ]
        self.attributes = AttributeRows(self.data if self.is_bound else None, prefix="attributes", initial=initial)

    @property
    def row_sets(self) -> list[Rows]:
        """What stands below the fields."""
        return [self.attributes]

    @property
    def changed_data(self) -> list[str]:
        return [*super().changed_data, *(["attributes"] if self.attributes.has_changed() else [])]

    def find_errors(self) -> Iterable[FieldError]:
        if not self.attributes.is_valid():
            self.add_error(None, "Please correct the errors in the rows below.")
        elif self.instance.document is None and selectors.find_product_type(slug=self.cleaned_data["slug"]):
            yield FieldError(field="slug", code="slug_taken", message="Another product type has this slug.")
        else:
            yield from services.check_product_type(product_type=self.product_type())

    def show_errors(self, errors: Iterable[FieldError]) -> None:
        for error in errors:
            _, position, name = f"{error.field}..".split(".")[:3]
            if not position.isdigit():
                super().show_errors([error])
                continue
            form = self.attributes.kept_forms()[int(position)]
            form.add_error(name if name in form.fields else None, error.message)
            self.add_error(None, f"{form.cleaned_data.get('name', 'An attribute')}: {error.message}")

    def product_type(self) -> NewProductType:
        """What was filled in, as the service takes it."""
        attributes = [form.attribute() for form in self.attributes.kept_forms()]  # type: ignore[attr-defined]
        return NewProductType(slug=self.cleaned_data["slug"], name=self.cleaned_data["name"], attributes=attributes)

    def save_through_service(self) -> Any:
        wanted, document = self.product_type(), self.instance.document
        if document is None:
            return services.create_product_type(product_type=wanted)
        changes = ProductTypeChanges(name=wanted.name, attributes=wanted.attributes)
        return services.change_product_type(slug=document.slug, changes=changes, version=document.version)


@admin.register(ProductType)
class ProductTypeAdmin(DocumentAdmin):
    """Which attributes each kind of product has."""

    form = ProductTypeForm
    change_form_template = "admin/catalog/change_form_with_rows.html"
    fields = ["name", "slug", "version"]
    list_display = ["name", "slug", "summary"]
    ordering = ["slug"]

    @admin.display(description="attributes")
    def summary(self, product_type: ProductType) -> str:
        return ", ".join(each.label or each.name for each in product_type.document.attributes)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def delete_one(self, shadow: Any) -> None:
        services.delete_product_type(slug=shadow.document.slug, version=shadow.document.version)

"""Categories in the admin."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from nexus.catalog import selectors, services
from nexus.catalog.admin.base import DocumentAdmin, DocumentForm
from nexus.catalog.admin.shadows import Category
from nexus.catalog.admin.tree import category_choices
from nexus.catalog.exceptions import CategoryNotFound
from nexus.catalog.models import fields
from nexus.catalog.services import CategoryChanges, NewCategory
from nexus.contracts.errors import FieldError


class CategoryForm(DocumentForm):
    name = forms.CharField(max_length=fields.LONGEST_NAME, widget=forms.TextInput(attrs={"class": "vTextField"}))
    slug = forms.RegexField(
        fields.SLUG,
        max_length=fields.LONGEST_SLUG,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Small letters, digits and hyphens. Stays as it is: products refer to it.",
    )
    parent = forms.ChoiceField(required=False, label="Below", help_text="Moves everything in it along.")

    class Meta:
        model = Category
        fields = ["name", "slug", "parent"]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        mine = self.instance.path if self.instance.document else None
        choices = [("", "(at the top)"), *category_choices(outside=mine)]
        self.fields["parent"].choices = choices  # type: ignore[attr-defined]
        self.fields["slug"].disabled = self.instance.document is not None

    def clean_parent(self) -> str | None:
        return self.cleaned_data["parent"] or None

    def find_errors(self) -> Iterable[FieldError]:
        if self.instance.document is None and _exists(self.cleaned_data["slug"]):
            yield FieldError(field="slug", code="slug_taken", message="Another category has this slug.")

    def save_through_service(self) -> Any:
        cleaned, document = self.cleaned_data, self.instance.document
        if document is None:
            category = NewCategory(slug=cleaned["slug"], name=cleaned["name"], parent=cleaned["parent"])
            return services.create_category(category=category)
        changes = CategoryChanges(name=cleaned["name"], parent=cleaned["parent"])
        return services.change_category(slug=document.slug, changes=changes, version=document.version)


@admin.register(Category)
class CategoryAdmin(DocumentAdmin):
    """The tree, in its order."""

    form = CategoryForm
    fields = ["name", "slug", "parent", "version"]
    list_display = ["title", "slug", "products"]
    ordering = ["path"]
    list_per_page = 200

    @admin.display(description="category")
    def title(self, category: Category) -> str:
        depth = category.path.count("/")
        return format_html('<span class="catalog-depth" style="--depth: {}">{}</span>', depth, category.name)

    @admin.display(description="products")
    def products(self, category: Category) -> str:
        page = f"{reverse('admin:catalog_product_changelist')}?category={category.slug}"
        return format_html('<a href="{}">Show</a>', page)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def delete_one(self, shadow: Any) -> None:
        services.delete_category(slug=shadow.document.slug, version=shadow.document.version)


def _exists(slug: str) -> bool:
    try:
        return bool(selectors.get_category(slug=slug))
    except CategoryNotFound:
        return False

"""Customers in the admin. Tokens are shown by django-oauth-toolkit's own pages, which hold no token values."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from nexus.accounts import services
from nexus.accounts.exceptions import NoSuchCustomer, StaffCannotBeErased
from nexus.accounts.forms import StaffLoginForm
from nexus.accounts.models import Customer

admin.site.login_form = StaffLoginForm
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class NewCustomerForm(AdminUserCreationForm):
    class Meta:
        model = Customer
        fields = ("email", "name")


class CustomerForm(UserChangeForm):
    class Meta:
        model = Customer
        fields = "__all__"


class NewPasswordForm(AdminPasswordChangeForm):
    """A new password ends every session that began with the old one."""

    def save(self, commit: bool = True) -> Customer:
        customer: Customer = super().save(commit)
        services.sign_out_everywhere(customer_id=customer.pk)
        return customer


@admin.register(Customer)
class CustomerAdmin(UserAdmin):
    """Only superusers hand out rights or touch those who have some."""

    form, add_form, change_password_form = CustomerForm, NewCustomerForm, NewPasswordForm
    list_display = ("email", "name", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    search_fields = ("email", "name")
    ordering = ("-date_joined",)
    date_hierarchy = "date_joined"
    readonly_fields = ("id", "last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "password", "is_active")}),
        ("Rights", {"fields": RIGHTS}),
        ("Record", {"fields": ("id", "date_joined", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)
    actions = ("erase",)

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return self.readonly_fields if request.user.is_superuser else (*self.readonly_fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        out_of_reach = obj is not None and obj.is_staff and obj != request.user and not request.user.is_superuser
        return not out_of_reach and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        """Never: orders refer to the id, so customers are erased instead."""
        return False

    def save_model(self, request: HttpRequest, obj: Customer, form: "ModelForm[Customer]", change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            if not change:
                services.announce(customer_id=obj.pk)

    @admin.action(description="Erase the selected customers for ever", permissions=["erase"])
    def erase(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        for customer in queryset:
            try:
                services.erase_customer(customer_id=customer.pk)
            except (NoSuchCustomer, StaffCannotBeErased) as refused:
                self.message_user(request, f"{customer}: {refused}", level="warning")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.delete_customer")

from django.urls import path

from nexus.catalog.api import views

urlpatterns = [
    path("api/v1/products", views.Products.as_view(), name="products"),
    path("api/v1/products/<str:slug>", views.OneProduct.as_view(), name="product"),
    path("api/v1/categories", views.Categories.as_view(), name="categories"),
    path("api/v1/categories/<str:slug>", views.OneCategory.as_view(), name="category"),
    path("api/v1/product-types", views.ProductTypes.as_view(), name="product-types"),
    path("api/v1/product-types/<str:slug>", views.OneProductType.as_view(), name="product-type"),
]

"""
The catalog in Django's admin. Documents are shown through shadow models; every change goes through the services.

Django finds the pages by importing this package, which happens only where the admin is installed.
"""

from nexus.catalog.admin import bus, categories, product_types, products

__all__ = ["bus", "categories", "product_types", "products"]

"""What import-linter cannot see of the layers: submodules of Django, and the managers of models that were imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

ENTRY_POINTS = {"api", "handlers"}
BELOW_HTTP = {"handlers", "services", "selectors", "cache", "models"}
WEB_MODULES = ("django.http", "django.shortcuts", "django.views", "django.urls")


def says_of_layer(node: ast.AST, *, layer: str) -> Iterator[str]:
    """What is wrong with the node in this layer of its app (``api``, ``services`` …)."""
    imported = _imported(node)
    if layer in ENTRY_POINTS:
        if any(_is_in(name, "django.db") for name in imported):
            yield "an entry point uses django.db; let a service or selector do it and call that"
        if isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager"):
            yield "an entry point queries a model; put the query into a selector or the write into a service"
    if layer in BELOW_HTTP:
        for name in imported:
            if any(_is_in(name, module) for module in WEB_MODULES):
                yield f"{layer} use {name}; HTTP stays in api/, pass plain values"


def layer_of(path: Path) -> str:
    """The layer of a file inside its app: ``services`` for services.py and for services/place.py."""
    return path.parts[0].removesuffix(".py")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{alias.name}" for alias in node.names]
    return []


def _is_in(name: str, module: str) -> bool:
    return f"{name}.".startswith(f"{module}.")

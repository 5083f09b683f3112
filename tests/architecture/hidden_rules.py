"""
What counts as a hidden reference. A rule takes a node of the syntax tree and the reading app; it yields sentences.

Only code counts: :func:`texts` leaves documentation out, and comments never reach the syntax tree.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

APPS = ("gateway", "accounts", "catalog", "inventory", "orders")
DATABASES = {"default": "accounts", "orders": "orders", "inventory": "inventory"}
SETTINGS = {
    "ACCESS_TOKEN_LIFETIME": "accounts",
    "AUTH_USER_MODEL": "accounts",
    "LOGIN_URL": "accounts",
    "MONGO_URL": "catalog",
    "OAUTH2_PROVIDER": "accounts",
    "RATE_LIMIT": "gateway",
    "REFRESH_TOKEN_LIFETIME": "accounts",
    "RESERVATION_HOURS": "inventory",
    "SIGNING_KEY": "accounts",
}
REDIS_KEYS = {"stock:": "inventory", "rate:": "gateway", "orders:available": "orders"}

TELL = "tell a fact of nexus.contracts on the event bus and keep a copy of what you hear"
DATABASE_CALLS = {"using", "atomic", "db_manager", "PostgresStore", "SqlAnswers"}
DATABASE_WORDS = {"using", "database", "alias", "db_alias"}
LABEL_CALLS = {"get_model", "get_app_config", "get_containing_app_config", "get_registered_model", "is_installed"}
IMPORT_CALLS = {"import_module", "import_string", "__import__"}
URL_CALLS = {"reverse", "reverse_lazy", "redirect", "resolve_url"}
TABLE = r"""\b(?:from|join|into|update|table|references|only|truncate|nextval\(\s*')\s*(?:"?\w+"?\.)?"?({others})_\w+"""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The app whose code is read, and which app each name of a URL belongs to."""

    app: str
    url_names: Mapping[str, str]

    @property
    def others(self) -> str:
        """The other apps, as alternatives of a regular expression."""
        return "|".join(app for app in APPS if app != self.app)

    def is_foreign(self, owner: str | None) -> bool:
        return owner is not None and owner != self.app


Rule = Callable[[ast.AST, Reader], Iterator[str]]


def texts(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Every string that is not documentation; the values inside an f-string read ``{}``."""
    nodes = list(ast.walk(tree))
    inner = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    inner |= {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.expr) and id(node) not in inner and (text := _text(node)) is not None:
            yield node, text


def says_of_text(text: str, reader: Reader) -> Iterator[str]:
    """What a string gives away by itself, wherever it stands."""
    for pattern, sentence in _PATTERNS:
        if found := re.search(pattern.replace("{others}", reader.others), text, re.IGNORECASE):
            other = found.group(1).lower() if found.groups() else ""
            yield sentence.format(other=other, found=found.group().strip(), tell=TELL)
    for prefix, owner in REDIS_KEYS.items():
        if reader.is_foreign(owner) and text.startswith(prefix):
            yield f"uses the Redis keys {prefix}* of {owner}; {TELL}"


_PATTERNS = [
    (r"(?<![\w.])nexus\.(?:settings\.)?({others})\b", "names {found}, a module of {other}; {tell}"),
    (r"(?<![\w.])nexus\.[{{%]|^nexus\.$", "builds the name of a module; ask settings.APPS which apps are here"),
    (r"^\.+({others})\b", "names {found}, a module of {other}; {tell}"),
    (
        r"^({others})\.(?:add|change|delete|view)_\w+$",
        "names {found}, a permission that is gone where {other} is absent; check a permission of your own",
    ),
    (
        r"^({others})\.(?!add_|change_|delete_|view_)[a-z_]\w*$",
        "names {found}, a model of {other}; keep its id without a foreign key, or {tell}",
    ),
    (r"^({others})/[\w/.-]+\.\w+$", "names {found}, a template of {other}; keep a template of your own"),
    (r"^admin:({others})_", "names {found}, an admin page of {other}; show the id instead"),
    (TABLE, "has SQL on a table of {other} ({found}); {tell}"),
]


def names_settings(node: ast.AST, reader: Reader) -> Iterator[str]:
    name = node.attr if isinstance(node, ast.Attribute) and _name(node.value) == "settings" else None
    if isinstance(node, ast.Call) and _name(node.func) in ("getattr", "hasattr") and len(node.args) > 1:
        name = _text(node.args[1]) if _name(node.args[0]) == "settings" else None
    if reader.is_foreign(owner := SETTINGS.get(name or "")):
        yield f"reads settings.{name} of {owner}; have a setting of your own, or {TELL}"


def names_database(node: ast.AST, reader: Reader) -> Iterator[str]:
    for expression in _database_places(node):
        if reader.is_foreign(owner := DATABASES.get(_text(expression) or "")):
            yield f'opens the database "{_text(expression)}" of {owner}; no query crosses databases: {TELL}'


def _database_places(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from (word.value for word in node.keywords if word.arg in DATABASE_WORDS)
        if _name(node.func) in DATABASE_CALLS:
            yield from node.args[:1]
    if isinstance(node, ast.Subscript) and _name(node.value) in ("connections", "DATABASES"):
        yield node.slice
    if _assigns(node, "DATABASE", "ALIAS"):
        yield node.value


def falls_into_default_database(node: ast.AST, reader: Reader) -> Iterator[str]:
    if reader.app == DATABASES["default"]:
        return
    names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
    if "connection" in names and node.module == "django.db":
        yield "uses the default connection, which is of accounts; take connections[DATABASE] of your own"
    if not isinstance(node, ast.Call) or _owner_name(node.func) != "transaction":
        return
    words = {word.arg for word in node.keywords}
    named = "using" in words or len(node.args) > {"atomic": 0, "on_commit": 1}.get(_name(node.func), 99)
    if _name(node.func) in ("atomic", "on_commit") and not named:
        yield f"{_name(node.func)} without `using` is about the database of accounts; say using=DATABASE"


def names_label(node: ast.AST, reader: Reader) -> Iterator[str]:
    for expression in _label_places(node):
        if (label := _text(expression)) in APPS and reader.is_foreign(label):
            yield f'asks Django for the app "{label}"; {TELL}'


def _label_places(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        yield from (word.value for word in node.keywords if word.arg == "app_label")
        if _name(node.func) in LABEL_CALLS or (_name(node.func) == "get" and _owner_name(node.func) == "members"):
            yield from node.args[:1]
    if isinstance(node, ast.Subscript) and _name(node.value) in ("members", "app_configs"):
        yield node.slice
    if _assigns(node, "app_label"):
        yield node.value
    if _assigns(node, "dependencies", "run_before"):
        yield from (part.elts[0] for part in ast.walk(node.value) if isinstance(part, ast.Tuple) and part.elts)


def names_table(node: ast.AST, reader: Reader) -> Iterator[str]:
    table = _text(node.value) if _assigns(node, "db_table") else None
    if found := re.match(rf'"?({reader.others})_', table or ""):
        yield f"maps {table}, a table of {found.group(1)}; {TELL}"


def computes_import(node: ast.AST, reader: Reader) -> Iterator[str]:
    if not isinstance(node, ast.Call) or _name(node.func) not in IMPORT_CALLS:
        return
    if not (node.args and isinstance(node.args[0], ast.Constant)):
        yield "computes what it imports, which nobody can check; import it by name"


def names_url(node: ast.AST, reader: Reader) -> Iterator[str]:
    if not isinstance(node, ast.Call) or _name(node.func) not in URL_CALLS or not node.args:
        return
    if reader.is_foreign(owner := reader.url_names.get(_text(node.args[0]) or "")):
        yield f'reverses "{_text(node.args[0])}", a URL of {owner}; answer with the id and let the client follow'


RULES: tuple[Rule, ...] = (
    names_settings,
    names_database,
    falls_into_default_database,
    names_label,
    names_table,
    computes_import,
    names_url,
)


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "{}" for part in node.values)
    return None


def _name(node: ast.AST) -> str:
    """The last part of a dotted name: ``get_model`` of ``apps.get_model``."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _assigns(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Assign) and any(_name(target) in names for target in node.targets)


def _owner_name(node: ast.AST) -> str:
    return _name(node.value) if isinstance(node, ast.Attribute) else ""

"""The demo's product types."""

from collections.abc import Iterator, Sequence

from nexus.catalog.services.drafts import NewAttribute, NewProductType

FINISHES = ("black", "brass", "chrome", "copper", "white")
WOODS = ("ash", "beech", "oak", "walnut")
FABRICS = ("linen", "leather", "wool", "none")
COLOURS = ("black", "blue", "green", "grey", "red", "white", "yellow")
SIZES = ("XS", "S", "M", "L", "XL")
LANGUAGES = ("English", "French", "German", "Spanish")
BINDINGS = ("hardcover", "paperback")
ORIGINS = ("Ceylon", "China", "Darjeeling", "Japan", "Kenya", "South Africa")
BREWS = ("espresso", "cappuccino", "lungo", "tea water")
WEIGHTS = ("100 g", "250 g", "500 g")
GROUPS = ("road", "gravel", "mountain", "city")


def _choice(name: str, choices: Sequence[str], *, on: str = "product", required: bool = True) -> NewAttribute:
    return NewAttribute(name=name, label=_label(name), kind="choice", choices=choices, on=on, required=required)


def _measure(name: str, unit: str) -> NewAttribute:
    return NewAttribute(name=name, label=_label(name), kind="measure", unit=unit)


def _plain(name: str, kind: str) -> NewAttribute:
    return NewAttribute(name=name, label=_label(name), kind=kind)


def _several(name: str, choices: Sequence[str]) -> NewAttribute:
    return NewAttribute(name=name, label=_label(name), kind="multi-choice", choices=choices)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


TYPES: dict[str, tuple[str, list[NewAttribute]]] = {
    "lamp": (
        "Lamp",
        [
            _choice("finish", FINISHES, on="variant"),
            _plain("dimmable", "boolean"),
            _measure("height", "cm"),
            _measure("power", "W"),
        ],
    ),
    "chair": (
        "Chair",
        [_choice("wood", WOODS), _choice("fabric", FABRICS, on="variant"), _measure("seat_height", "cm")],
    ),
    "espresso-machine": (
        "Espresso machine",
        [
            _choice("finish", FINISHES, on="variant"),
            _several("brews", BREWS),
            _measure("pressure", "bar"),
            _measure("tank", "l"),
            _plain("grinder", "boolean"),
        ],
    ),
    "t-shirt": (
        "T-shirt",
        [
            _choice("color", COLOURS, on="variant"),
            _choice("size", SIZES, on="variant"),
            _choice("fabric", ("cotton", "linen", "merino")),
            _plain("organic", "boolean"),
        ],
    ),
    "backpack": (
        "Bag",
        [_choice("color", COLOURS, on="variant"), _measure("volume", "l"), _plain("laptop", "boolean")],
    ),
    "book": (
        "Book",
        [
            _plain("author", "text"),
            _choice("language", LANGUAGES),
            _choice("binding", BINDINGS, on="variant"),
            _plain("pages", "number"),
            _plain("published", "date"),
        ],
    ),
    "bicycle-part": (
        "Bicycle part",
        [_choice("riding", GROUPS), _measure("weight", "g"), _plain("speeds", "number"), _plain("tubeless", "boolean")],
    ),
    "tea": (
        "Tea",
        [_choice("origin", ORIGINS), _choice("packing", WEIGHTS, on="variant"), _plain("organic", "boolean")],
    ),
}


def demo_product_types() -> Iterator[NewProductType]:
    """Every kind of product that the demo sells."""
    for slug, (name, attributes) in TYPES.items():
        yield NewProductType(slug=slug, name=name, attributes=attributes)

"""The demo's products: each kind in turn, from a random source of its own seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

from nexus.catalog.services.demo import words
from nexus.catalog.services.demo.kinds import (
    BINDINGS,
    BREWS,
    COLOURS,
    FABRICS,
    FINISHES,
    GROUPS,
    LANGUAGES,
    ORIGINS,
    SIZES,
    WEIGHTS,
    WOODS,
)
from nexus.catalog.services.drafts import NewMedia, NewProduct, NewVariant

DOLLARS = 1.09


@dataclass(frozen=True, kw_only=True)
class Idea:
    """What one product is about, before slug, skus and pictures follow from it."""

    name: str
    category: str
    text: str
    price: int
    attributes: Mapping[str, Any]
    variants: Sequence[tuple[str, Mapping[str, Any], float]]
    """Its name, its attributes, and its price in parts of the product's."""


def demo_products(*, count: int, seed: int = 1) -> Iterator[NewProduct]:
    """Products in the categories and of the types of the demo; about one in twenty is a draft or archived."""
    random = Random(seed)
    kinds = list(KINDS.items())
    for number in range(1, count + 1):
        kind, (prefix, think) = kinds[number % len(kinds)]
        yield _product(random, number, kind, prefix, think(random))


def _product(random: Random, number: int, kind: str, prefix: str, idea: Idea) -> NewProduct:
    slug = f"{words.slug(idea.name)}-{number}"
    status = random.choices(["published", "draft", "archived"], [95, 3, 2])[0]
    variants = [
        NewVariant(
            sku=f"{prefix}-{number:05}" + "".join(f"-{words.code(each)}" for each in values.values()),
            name=name,
            attributes=values,
            prices=_prices(round(idea.price * factor)),
        )
        for name, values, factor in idea.variants
    ]
    return NewProduct(
        slug=slug,
        name=idea.name,
        product_type=kind,
        description=idea.text,
        categories=[idea.category],
        attributes=idea.attributes,
        media=[NewMedia(url=f"/static/catalog/demo/{kind}.svg", alt=idea.name)],
        status=status,
        variants=variants,
    )


def _prices(euros: int) -> dict[str, int]:
    """In cents; prices end in 90 as in a shop."""
    return {"EUR": euros * 100 - 10, "USD": round(euros * DOLLARS) * 100 - 10}


def _each(name: str, values: Sequence[str], factor: float = 1.0) -> list[tuple[str, dict[str, str], float]]:
    return [(value.capitalize(), {name: value}, factor) for value in values]


def _measure(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


def _lamp(random: Random) -> Idea:
    category, noun = random.choice(
        [("desk-lamps", "desk lamp"), ("floor-lamps", "floor lamp"), ("pendant-lamps", "pendant")]
    )
    return Idea(
        name=f"{random.choice(words.MODELS)} {noun}",
        category=category,
        text=words.describe(random, f"A {noun} with a {random.choice(['warm', 'clear', 'soft'])} light."),
        price=random.randint(29, 290),
        attributes={
            "dimmable": random.random() < 0.5,
            "height": _measure(random.randrange(25, 180, 5), "cm"),
            "power": _measure(random.choice([5, 7.5, 9, 12]), "W"),
        },
        variants=_each("finish", random.sample(FINISHES, random.randint(1, 3))),
    )


def _chair(random: Random) -> Idea:
    wood = random.choice(WOODS)
    category, noun = random.choice([("dining-chairs", "chair"), ("lounge-chairs", "armchair"), ("stools", "stool")])
    return Idea(
        name=f"{random.choice(words.MODELS)} {noun} in {wood}",
        category=category,
        text=words.describe(random, f"A {noun} of solid {wood}."),
        price=random.randint(79, 690),
        attributes={"wood": wood, "seat_height": _measure(random.randrange(38, 76), "cm")},
        variants=_each("fabric", random.sample(FABRICS, random.randint(1, 3))),
    )


def _espresso_machine(random: Random) -> Idea:
    return Idea(
        name=f"{random.choice(words.MODELS)} {random.choice(['Uno', 'Duo', 'Pro', 'Classic'])} espresso machine",
        category="espresso-machines",
        text=words.describe(random, "An espresso machine that heats up while you grind."),
        price=random.randint(149, 1890),
        attributes={
            "brews": sorted(random.sample(BREWS, random.randint(1, 4))),
            "pressure": _measure(random.choice([9, 15, 19]), "bar"),
            "tank": _measure(random.choice([1.1, 1.8, 2.5]), "l"),
            "grinder": random.random() < 0.4,
        },
        variants=_each("finish", random.sample(FINISHES, random.randint(1, 2))),
    )


def _t_shirt(random: Random) -> Idea:
    fabric = random.choice(["cotton", "linen", "merino"])
    category, noun = random.choice([("t-shirts", "T-shirt"), ("long-sleeves", "long sleeve")])
    colours = random.sample(COLOURS, random.randint(1, 3))
    sizes = SIZES[: random.randint(3, 5)]
    return Idea(
        name=f"{random.choice(words.MODELS)} {fabric} {noun}",
        category=category,
        text=words.describe(random, f"A {noun} of fine {fabric}."),
        price=random.randint(15, 79),
        attributes={"fabric": fabric, "organic": random.random() < 0.6},
        variants=[
            (f"{color.capitalize()}, {size}", {"color": color, "size": size}, 1.0)
            for color, size in product(colours, sizes)
        ],
    )


def _backpack(random: Random) -> Idea:
    category, noun = random.choice([("backpacks", "backpack"), ("totes", "tote")])
    volume = random.randrange(8, 46, 2)
    return Idea(
        name=f"{random.choice(words.MODELS)} {noun} {volume} l",
        category=category,
        text=words.describe(random, f"A {noun} for {random.choice(['the office', 'a weekend', 'the market'])}."),
        price=random.randint(35, 240),
        attributes={"volume": _measure(volume, "l"), "laptop": volume > 16},
        variants=_each("color", random.sample(COLOURS, random.randint(1, 4))),
    )


def _book(random: Random) -> Idea:
    category = random.choice(["novels", "crime", "cookery", "travel", "science"])
    author = f"{random.choice(words.FIRST_NAMES)} {random.choice(words.LAST_NAMES)}"
    binding = list(BINDINGS[: random.randint(1, 2)])
    return Idea(
        name=words.title(random, category),
        category=category,
        text=words.describe(random, f"By {author}."),
        price=random.randint(9, 49),
        attributes={
            "author": author,
            "language": random.choices(LANGUAGES, [6, 1, 2, 1])[0],
            "pages": random.randint(90, 900),
            "published": f"{random.randint(1995, 2025)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        },
        variants=[(name.capitalize(), {"binding": name}, 1.0 if name == "hardcover" else 0.6) for name in binding],
    )


def _bicycle_part(random: Random) -> Idea:
    category, noun = random.choice(words.PARTS)
    riding = random.choice(GROUPS)
    attributes: dict[str, Any] = {"riding": riding, "weight": _measure(random.randrange(90, 900, 5), "g")}
    if category in ("chains", "cassettes"):
        attributes["speeds"] = random.choice([9, 10, 11, 12])
    if category in ("tyres", "rims"):
        attributes["tubeless"] = random.random() < 0.7
    return Idea(
        name=f"{random.choice(words.MODELS)} {riding} {noun}",
        category=category,
        text=words.describe(random, f"A {noun} for {riding} bicycles."),
        price=random.randint(12, 190),
        attributes=attributes,
        variants=[("", {}, 1.0)],
    )


def _tea(random: Random) -> Idea:
    origin = random.choice(ORIGINS)
    category, noun = random.choice([("black-tea", "black tea"), ("green-tea", "green tea"), ("herbal-tea", "infusion")])
    return Idea(
        name=f"{random.choice(words.GARDENS)} {noun} from {origin}",
        category=category,
        text=words.describe(random, f"A {noun} with notes of {random.choice(words.NOTES)}."),
        price=random.randint(6, 24),
        attributes={"origin": origin, "organic": random.random() < 0.5},
        variants=[
            (weight, {"packing": weight}, factor) for weight, factor in zip(WEIGHTS, [1.0, 2.2, 4.0], strict=True)
        ],
    )


KINDS: Mapping[str, tuple[str, Callable[[Random], Idea]]] = {
    "lamp": ("LAMP", _lamp),
    "chair": ("CHAIR", _chair),
    "espresso-machine": ("ESPR", _espresso_machine),
    "t-shirt": ("SHIRT", _t_shirt),
    "backpack": ("BAG", _backpack),
    "book": ("BOOK", _book),
    "bicycle-part": ("BIKE", _bicycle_part),
    "tea": ("TEA", _tea),
}

"""The demo's vocabulary. Names of people, brands and places are invented or common."""

from random import Random

MODELS = (
    "Alva", "Arbo", "Birk", "Brisa", "Calla", "Corvo", "Dalen", "Elio", "Fenna", "Fjord", "Gilda", "Hale", "Iris",
    "Juno", "Kesta", "Lumo", "Maren", "Milo", "Nara", "Nilo", "Odda", "Orla", "Pava", "Quill", "Rilo", "Runa", "Sable",
    "Solo", "Tavo", "Tilda", "Umbra", "Vela", "Vinter", "Wren", "Yara", "Zeno",
)  # fmt: skip
FIRST_NAMES = ("Ada", "Bruno", "Clara", "David", "Elif", "Farid", "Greta", "Hana", "Ivan", "Jonas", "Kofi", "Lena")
LAST_NAMES = ("Abel", "Berg", "Costa", "Dubois", "Eriksen", "Fischer", "Greco", "Haas", "Ito", "Jansen", "Kaya", "Lind")
GARDENS = ("Morning Hill", "Old Terrace", "Silver Mist", "Second Flush", "River Garden", "Monsoon", "High Valley")
NOTES = ("honey", "citrus", "malt", "roasted nuts", "wild flowers", "dried fruit", "fresh hay")
PARTS = (
    ("chains", "chain"),
    ("cassettes", "cassette"),
    ("tyres", "tyre"),
    ("rims", "rim"),
    ("saddles", "saddle"),
    ("grips", "grip"),
)
SENTENCES = (
    "Made in small series.",
    "Every part can be replaced.",
    "It gets better with age.",
    "Packed without plastic.",
    "Designed to be repaired, not thrown away.",
    "A quiet companion for every day.",
    "Tested for ten years of use.",
    "Shipped from our own stock.",
    "Also makes a fine present.",
)
NOUNS = ("Harbour", "Orchard", "Winter", "Lighthouse", "Garden", "River", "Station", "Mountain", "Island", "Kitchen")
TITLES = {
    "novels": "The {adjective} {noun}",
    "crime": "Death at the {noun}",
    "cookery": "The {noun} cookbook",
    "travel": "Slowly to the {noun}",
    "science": "A short history of the {noun}",
}
ADJECTIVES = ("Silent", "Second", "Forgotten", "Distant", "Blue", "Paper", "Last", "Crooked")


def title(random: Random, genre: str) -> str:
    """A book's title."""
    return TITLES[genre].format(adjective=random.choice(ADJECTIVES), noun=random.choice(NOUNS))


def describe(random: Random, beginning: str) -> str:
    """A few sentences."""
    return " ".join([beginning, *random.sample(SENTENCES, 2)])


def slug(name: str) -> str:
    """The name as it may stand in a URL."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def code(value: str) -> str:
    """A value as a part of a sku: at most five capital letters and digits."""
    return "".join(letter for letter in value.upper() if letter.isalnum())[:5]

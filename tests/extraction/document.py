"""The steps of docs/extracting-an-app.md, as they stand there: what is written is what is run."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "extracting-an-app.md"
PART = re.compile(r"^## (?P<part>.+)$", re.MULTILINE)
STEP = re.compile(r"^### (?P<title>.+?)\n(?P<text>.*?)^```sh\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a heading says, and the commands under it; `way` is the part of the document that it stands in."""

    way: str
    title: str
    code: str


def steps(text: str = "") -> list[Step]:
    """All of them, in their order."""
    text = text or DOCUMENT.read_text()
    parts = [*PART.finditer(text)]
    found = []
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        body = text[part.end() : following.start() if following else len(text)]
        found += [Step(way=part["part"], title=each["title"], code=each["code"]) for each in STEP.finditer(body)]
    return found


def ways() -> list[str]:
    """The parts that have steps, in their order."""
    return list(dict.fromkeys(step.way for step in steps()))

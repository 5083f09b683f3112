"""What stands in the cells of tables: times, ids and states that can be read at 3 am."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join

GREEN, AMBER, RED, GREY = "#2e7d32", "#a35c00", "#a32424", "#666666"
MOST_NAMED = 10


def grouped(named: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """From (reason, name) pairs to one line per reason that names the first few: people read no page of messages."""
    names: dict[str, list[str]] = {}
    for reason, name in named:
        names.setdefault(reason, []).append(name)
    return [
        (reason, ", ".join(all_[:MOST_NAMED]) + (f" and {more} more" if (more := len(all_) - MOST_NAMED) > 0 else ""))
        for reason, all_ in names.items()
    ]


def pretty_json(data: Any) -> str:
    """JSON, as text or as read, laid out for reading."""
    read = json.loads(data) if isinstance(data, str) else data
    return format_html(
        "<pre style='margin:0;white-space:pre-wrap'>{}</pre>", json.dumps(read, indent=2, ensure_ascii=False)
    )


def badge(text: str, colour: str) -> str:
    """A word that can be told apart from across the room, and read without colour too."""
    style = "padding:.1em .6em;border-radius:1em;color:#fff;white-space:nowrap;background:"
    return format_html('<span style="{}{}">{}</span>', style, colour, text)


def code(text: object, *, shown: str = "") -> str:
    """An id or a sku on one line; `shown` in its place where room is short."""
    style = "color:inherit;white-space:nowrap;font-size:.92em"
    return format_html('<code title="{}" style="{}">{}</code>', text, style, shown or text)


def short(identity: object) -> str:
    """The end of an id, which is the part that differs; the whole of it on pointing."""
    return code(identity, shown=f"…{str(identity)[-8:]}") if identity else "–"


def moment(time: datetime | None, *, precise: bool = False) -> str:
    """A time to the second on one line, in UTC as the logs have it."""
    if time is None:
        return "–"
    text = time.strftime("%Y-%m-%d %H:%M:%S.%f")[: 23 if precise else 19]
    return one_line(text)


def one_line(text: str) -> str:
    """Text that is not broken."""
    return format_html('<span style="white-space:nowrap">{}</span>', text)


def change(number: int) -> str:
    """A movement of a counter, with its sign; a dash for none."""
    return f"{number:+}" if number else "–"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells come escaped."""
    titles = format_html_join("", "<th>{}</th>", ((title,) for title in head))
    cells = ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    return format_html(
        "<table><thead><tr>{}</tr></thead>{}</table>", titles, format_html_join("", "<tr>{}</tr>", cells)
    )

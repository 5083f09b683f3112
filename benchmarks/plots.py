"""Bar plots as SVG, by hand."""

from collections.abc import Mapping
from html import escape

WIDTH, ROW, LEFT, RIGHT = 640, 34, 150, 90


def bars(*, title: str, values: Mapping[str, float]) -> str:
    """A horizontal bar for each value, the longest as wide as there is room."""
    largest = max(values.values(), default=0.0) or 1.0
    height = 50 + ROW * len(values)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for row, (name, value) in enumerate(values.items()):
        parts += _bar(name, value, value / largest, 40 + ROW * row)
    return "\n".join([*parts, "</svg>\n"])


def _bar(name: str, value: float, share: float, top: int) -> list[str]:
    width = (WIDTH - LEFT - RIGHT) * max(0.0, share)
    colour = "#9aa5b1" if name == "floor" else "#2f6fab"
    label = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
    return [
        f'<text x="{LEFT - 10}" y="{top + 18}" font-size="13" text-anchor="end">{escape(name)}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{ROW - 10}" fill="{colour}"/>',
        f'<text x="{LEFT + width + 8:.1f}" y="{top + 18}" font-size="13">{label}</text>',
    ]

"""
Finds what import-linter cannot see: an app that names another in a string, a setting, a template or SQL.

``python -m tests.architecture.hidden_references [ROOT]`` prints each with its place and what to do instead; exit 1 when
there are any.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.hidden_rules import APPS, RULES, Reader, says_of_text, texts
from tests.architecture.layer_rules import layer_of, says_of_layer

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE_TAG = re.compile(r"""\{%\s*(url|extends|include)\s+["']([^"']+)["']""")


@dataclass(frozen=True, order=True)
class Finding:
    """A place, and a sentence that says what is wrong there and what to do instead."""

    path: Path
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.says}"


def list_findings(*, root: Path) -> list[Finding]:
    """Every hidden reference in the apps that are under ``root``, in the order of the files."""
    urls = dict(_url_names(root))
    found: set[Finding] = set()
    for app in APPS:
        reader = Reader(app=app, url_names=urls)
        for path in sorted((root / "nexus" / app).rglob("*")):
            if path.suffix in (".py", ".html"):
                found.update(_findings(path, root, reader))
    return sorted(found)


def _findings(path: Path, root: Path, reader: Reader) -> Iterator[Finding]:
    inside = path.relative_to(root / "nexus" / reader.app)
    said = _said_in_python(path, layer_of(inside), reader) if path.suffix == ".py" else _said_in_html(path, reader)
    for line, sentence in said:
        yield Finding(path.relative_to(root), line, sentence)


def _said_in_python(path: Path, layer: str, reader: Reader) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(), filename=str(path))
    for node, text in texts(tree):
        yield from ((node.lineno, sentence) for sentence in says_of_text(text, reader))
    for node in ast.walk(tree):
        for rule in RULES:
            yield from ((node.lineno, sentence) for sentence in rule(node, reader))
        yield from ((node.lineno, sentence) for sentence in says_of_layer(node, layer=layer))


def _said_in_html(path: Path, reader: Reader) -> Iterator[tuple[int, str]]:
    for line, text in enumerate(path.read_text().splitlines(), start=1):
        for tag, target in TEMPLATE_TAG.findall(text):
            yield from ((line, sentence) for sentence in says_of_text(target, reader))
            owner = reader.url_names.get(target)
            if tag == "url" and reader.is_foreign(owner):
                yield (
                    line,
                    f'links to "{target}", a URL of {owner}, which may be absent; write the path of the front door',
                )


def _url_names(root: Path) -> Iterator[tuple[str, str]]:
    for app in APPS:
        path = root / "nexus" / app / "api" / "urls.py"
        words = ast.walk(ast.parse(path.read_text())) if path.exists() else ()
        for word in words:
            if isinstance(word, ast.keyword) and word.arg == "name" and isinstance(word.value, ast.Constant):
                yield word.value.value, app


def main(*, arguments: Sequence[str]) -> int:
    """Print what was found and return the exit status."""
    root = Path(arguments[0]).resolve() if arguments else ROOT
    findings = list_findings(root=root)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} hidden references" if findings else "no app names another")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))

"""The table of the chart's values in docs/operations/kubernetes.md, made from the comments in values.yaml.

`python helm/values_table.py` rewrites the table; with `--check` it exits with 1 when the page is stale.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
VALUES = ROOT / "helm" / "appliance" / "values.yaml"
PAGE = ROOT / "docs" / "operations" / "kubernetes.md"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][A-Za-z0-9]*):")


def main(arguments: list[str]) -> int:
    page = PAGE.read_text()
    fresh = with_table(page, table=table(VALUES.read_text()))
    if "--check" not in arguments:
        PAGE.write_text(fresh)
        return 0
    if fresh != page:
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} is stale: run `python helm/values_table.py`.\n")
    return int(fresh != page)


def with_table(page: str, *, table: str) -> str:
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{table}{END}{tail}"


def table(source: str) -> str:
    values = yaml.safe_load(source)
    rows = [f"| `{'.'.join(path)}` | `{json.dumps(find(values, path))}` | {text} |" for path, text in commented(source)]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows, ""])


def commented(source: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each key that has a comment right above it and holds a value of its own, with the comment in one line."""
    values = yaml.safe_load(source)
    path: list[str] = []
    comment: list[str] = []
    for line in source.splitlines():
        text = line.strip()
        if text.startswith("#"):
            comment.append(text.removeprefix("#").strip())
            continue
        found = KEY.match(line)
        if found:
            path = [*path[: len(found["indent"]) // 2], found["key"]]
            if comment and is_leaf(line, find(values, tuple(path))):
                yield tuple(path), " ".join(comment)
        comment = []


def is_leaf(line: str, value: Any) -> bool:
    """A value on the key's own line, or a block that operators replace as a whole."""
    return not line.rstrip().endswith(":") or set(value) <= {"requests", "limits"}


def find(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

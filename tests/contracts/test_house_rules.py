"""The laws of CONVENTIONS.md that no linter carries: broad excepts, sleeps in tests, secrets, workplaces' names."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ("appliance", "control_plane", "installer", "model_catalog")


def source_trees(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def dotted(node: ast.expr) -> str:
    return ast.unparse(node)


# These run before or without our packages: the standard library is all they have. May only shrink.
WITHOUT_OUR_PACKAGES = {"installer/bootstrap.py", "appliance/engines/keeper.py"}


def test_time_is_read_through_the_clock() -> None:
    readers = {"time.time", "datetime.now", "datetime.utcnow", "datetime.datetime.now", "time.monotonic"}
    found = [
        f"{path}:{call.lineno}"
        for path, tree in source_trees(*SOURCE)
        for call in calls(tree)
        if dotted(call.func) in readers and str(path) not in {"appliance/base/clock.py", *WITHOUT_OUR_PACKAGES}
    ]
    assert not found, f"Use appliance.base.clock: {found}"


def test_only_the_edge_commits() -> None:
    edges = {"control_plane/database/dependencies.py", "control_plane/database/session.py"}
    found = [
        f"{path}:{call.lineno}"
        for path, tree in source_trees("control_plane")
        for call in calls(tree)
        if dotted(call.func).endswith("session.commit") and str(path) not in edges
    ]
    assert not found, f"Commit only at the edge (control_plane/database): {found}"


def test_queries_live_in_repositories() -> None:
    allowed = re.compile(r"control_plane/(\w+/repository|database/\w+|migrations/.*|migrate)\.py")
    builders = {"select", "update", "delete", "insert", "pg_insert", "text"}
    found = [
        f"{path}:{call.lineno}"
        for path, tree in source_trees("control_plane")
        for call in calls(tree)
        if isinstance(call.func, ast.Name) and call.func.id in builders and not allowed.match(str(path))
        if not str(path).endswith("tables.py")
    ]
    assert not found, f"Queries only in repository.py: {found}"


def test_tests_neither_sleep_a_fixed_time_nor_assert_nothing() -> None:
    sleeps: list[str] = []
    empty: list[str] = []
    for path, tree in source_trees("tests"):
        if path.parts[1] != "fixtures":
            sleeps += [f"{path}:{c.lineno}" for c in calls(tree) if dotted(c.func) in {"time.sleep", "sleep"}]
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
                continue
            says = any(isinstance(inner, ast.Assert) for inner in ast.walk(node))
            raises = "raises" in ast.unparse(node) or "assert_" in ast.unparse(node)
            if not (says or raises):
                empty.append(f"{path}:{node.lineno} {node.name}")
    assert not sleeps, f"Wait for a condition with a deadline instead: {sleeps}"
    assert not empty, f"These tests assert nothing: {empty}"


def test_nothing_committed_names_a_registry_or_a_path_of_a_workplace() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [name for name in listed.stdout.split("\0") if name]
    if not files:  # a release tree without git
        files = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    forbidden = re.compile(
        "|".join(["py" + r"pi\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "/opt/" + "wheels"])
    )
    found = [
        name
        for name in files
        if (ROOT / name).suffix in {".py", ".md", ".txt", ".toml", ".yaml", ".yml", ".json", ".tpl", ""}
        and (ROOT / name).is_file()
        and forbidden.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert not found


def test_no_weights_are_pickled() -> None:
    found = [p for p in ROOT.glob("model_catalog/**/*") if p.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}]
    assert not found

"""An upgrade of MiniStack that takes a name away is told at start, in one sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud import ministack_seam as seam
from localcloud.ministack_names import NAMES


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "9.9.9")
    with pytest.raises(seam.SeamError, match=rf"needs ministack {seam.VERSION}, found 9\.9\.9"):
        seam.check()


def test_every_missing_name_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: seam.VERSION)
    there = SimpleNamespace(**{name: None for names in NAMES.values() for name in names})
    monkeypatch.setattr(seam, "_module_or_class", lambda _: there)
    seam.check()
    del there._RESOURCE_HANDLERS
    with pytest.raises(seam.SeamError, match=r"lacks what localcloud extends: .*provisioners\._RESOURCE_HANDLERS"):
        seam.check()


class _Uses(ast.NodeVisitor):
    """(module or class of MiniStack, name) of everything that a file takes from it."""

    def __init__(self, source: Path) -> None:
        self.modules: dict[str, str] = {}
        self.found: set[tuple[str, str]] = set()
        self.unclear: list[str] = []
        self.visit(ast.parse(source.read_text()))

    def visit_Import(self, node: ast.Import) -> None:
        self.modules |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in NAMES}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if (node.module or "").split(".")[0] != "ministack":
            return
        for alias in node.names:
            full = f"{node.module}.{alias.name}"
            if node.module in ("ministack.services", "ministack.core") or full in NAMES:
                self.modules[alias.asname or alias.name] = full
            else:
                self.found.add((str(node.module), alias.name))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outside = dict(self.modules)
        if node.name not in ("module", "_module_or_class"):
            self.generic_visit(node)
        self.modules = outside

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        module = self.module(node.value)
        if module and isinstance(node.targets[0], ast.Name):
            self.modules[node.targets[0].id] = module

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        module = self.module(node.value)
        if module and f"{module}.{node.attr}" not in NAMES:
            self.found.add((module, node.attr))
        elif STORE_METHOD.fullmatch(node.attr):
            self.found.add((STORE, node.attr))

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name in ("getattr", "setattr", "hasattr") and self.module(node.args[0]):
            self.unclear.append(ast.unparse(node))
        if name in ("module", "seam.module") and self.module(node) is None:
            self.unclear.append(ast.unparse(node))

    def module(self, node: ast.expr) -> str | None:
        """The module that an expression is."""
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("module", "seam.module"):
            return str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else None
        return self.modules.get(ast.unparse(node)) if isinstance(node, ast.Name | ast.Attribute) else None


STORE = "ministack.core.responses.AccountRegionScopedDict"
STORE_METHOD = re.compile(r"\w+_scoped|all_\w+")
SOURCES = sorted(Path(seam.__file__).parent.rglob("*.py"))
USES = {str(path.relative_to(SOURCES[0].parent)): _Uses(path) for path in SOURCES}


@pytest.mark.parametrize("source", USES)
def test_every_name_in_use_is_in_the_list(source: str) -> None:
    uses = USES[source]
    missing = {f"{owner}.{name}" for owner, name in uses.found if name not in NAMES.get(owner, ())}
    assert not missing, "add to localcloud.ministack_names.NAMES"
    assert not uses.unclear, "say by its name what is taken from MiniStack"


def test_every_name_in_the_list_is_in_use() -> None:
    used = set().union(*(uses.found for uses in USES.values()))
    assert {(owner, name) for owner, names in NAMES.items() for name in names} - used == set()

"""An upgrade of MiniStack that takes a name away is told at start, in one sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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
    monkeypatch.setattr(seam, "module", lambda _: there)
    seam.check()
    del there._RESOURCE_HANDLERS
    with pytest.raises(seam.SeamError, match=r"lacks what localcloud extends: .*provisioners\._RESOURCE_HANDLERS"):
        seam.check()


def _names_in_use(source: Path) -> Iterator[tuple[str, str]]:
    """(MiniStack module, name) of what a file imports from MiniStack, or reaches for in a module of its."""
    tree = ast.parse(source.read_text())
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ministack"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if node.module in ("ministack.services", "ministack.core") or full in NAMES:
                    modules[alias.asname or alias.name] = full
                else:
                    yield str(node.module), alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


SOURCES = sorted(Path(seam.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_every_name_in_use_is_in_the_list(source: Path) -> None:
    missing = {use for use in _names_in_use(source) if use[1] not in NAMES.get(use[0], ())}
    assert not missing, "add to localcloud.ministack_names.NAMES"

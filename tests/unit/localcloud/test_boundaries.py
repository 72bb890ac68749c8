"""Who may import whom: the half that says what should be, and those that make it true, know nothing of each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import PROJECT

LOCALCLOUD = PROJECT / "localcloud"
IMAGE = LOCALCLOUD / "machines" / "image"
"""Programs of the machines: they run in there, where nothing of the project is."""
FORBIDDEN = {
    "machines": ("ministack", "localcloud.control_plane", "localcloud.balancer"),
    "balancer": ("ministack", "localcloud.control_plane", "localcloud.machines"),
    "control_plane": ("localcloud.machines", "localcloud.balancer"),
    "": ("ansible", "roles", "plugins", "app", "tests"),
}
SHARED = ("desired", "instance_types", "tls_policies", "settings", "wire")
"""What more than one half imports: it must not lead back into any."""


def imports(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the whole path, so that this test can read them"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_part_reaches_over_its_boundary(part: str) -> None:
    trespasses = [
        f"{source.relative_to(PROJECT)} imports {name}"
        for source in (LOCALCLOUD / part).rglob("*.py")
        for name in imports(source)
        if within(name, FORBIDDEN[part])
    ]
    assert trespasses == []


@pytest.mark.parametrize("module", SHARED)
def test_what_all_share_depends_on_none(module: str) -> None:
    parts = tuple(f"localcloud.{part}" for part in ("machines", "balancer", "control_plane"))
    assert [name for name in imports(LOCALCLOUD / f"{module}.py") if within(name, (*parts, "ministack"))] == []


def test_programs_of_the_machines_need_nothing_of_the_project() -> None:
    assert [name for source in IMAGE.glob("*.py") for name in imports(source) if within(name, ("localcloud",))] == []


def test_deployment_does_not_know_the_local_cloud() -> None:
    """The only link is an endpoint in inventories/local."""
    knowing = [
        str(path.relative_to(PROJECT))
        for directory in ("roles", "plugins", "playbooks", "cloudformation", "app")
        for path in (PROJECT / directory).rglob("*")
        if path.is_file() and path.suffix in (".yml", ".py", ".j2", "") and b"localcloud" in path.read_bytes()
    ]
    assert knowing == []

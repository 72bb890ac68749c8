"""Our lines in /etc/hosts, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.balancer.hosts_file import HostsFile

BEFORE = "127.0.0.1\tlocalhost\n# 127.66.255.1 commented.out # localcloud /a\n::1 ip6-localhost\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "hosts"
    file.write_text(BEFORE)
    return file


def test_adds_changes_and_removes_only_its_own(path: Path) -> None:
    hosts = HostsFile(Path("/a"), path)
    hosts.replace({"x.example": "127.66.255.1", "y.example": "127.66.255.2"})
    assert path.read_text() == (
        BEFORE + "127.66.255.1 x.example # localcloud /a\n127.66.255.2 y.example # localcloud /a\n"
    )
    hosts.replace({"x.example": "127.66.255.3"})
    assert hosts.entries() == {"x.example": "127.66.255.3"}
    hosts.replace({})
    assert path.read_text() == BEFORE


def test_two_clouds_beside_each_other(path: Path) -> None:
    first, second = HostsFile(Path("/a"), path), HostsFile(Path("/a/b"), path)
    first.replace({"x.example": "127.66.255.1"})
    second.replace({"z.example": "127.67.255.1"})
    first.replace({})
    assert second.entries() == {"z.example": "127.67.255.1"}
    assert first.entries() == {}


def test_edits_in_place(path: Path) -> None:
    """A bind mount cannot be replaced by renaming."""
    inode = path.stat().st_ino
    HostsFile(Path("/a"), path).replace({"x.example": "127.66.255.1"})
    assert path.stat().st_ino == inode


def test_writes_nothing_when_nothing_changes(path: Path) -> None:
    path.write_text("127.0.0.1 localhost")
    hosts = HostsFile(Path("/a"), path)
    hosts.replace({})
    assert path.read_text() == "127.0.0.1 localhost"
    hosts.replace({"x.example": "127.66.255.1"})
    assert path.read_text() == "127.0.0.1 localhost\n127.66.255.1 x.example # localcloud /a\n"
    changed = path.stat().st_mtime_ns
    hosts.replace({"x.example": "127.66.255.1"})
    assert path.stat().st_mtime_ns == changed

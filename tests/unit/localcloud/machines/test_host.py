"""Engine, limits and ports of the host: what is found, and the sentence when something is missing."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest

from localcloud.instance_types import instance_type
from localcloud.machines import host, images
from localcloud.ports import holder_of
from localcloud.settings import Settings


def test_without_an_engine_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(host, "_path", lambda: str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(
        host.HostError, match=r"podman: not installed; docker: no daemon .*: install the package podman"
    ):
        host.choose_engine(Settings(tmp_path))


def test_without_mmdebstrap_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    with pytest.raises(host.HostError, match="install the package mmdebstrap"):
        images.preflight()


def test_limits_are_set_only_where_the_host_has_lower_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, resource.RLIM_INFINITY))
    assert "default_ulimits" not in host.containers_conf()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1, 20000))
    assert '"nofile=20000:20000"' in host.containers_conf()


def test_everything_is_on_the_hosts_loopback() -> None:
    assert 'netns = "host"' in host.containers_conf()


def test_a_port_names_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = holder_of("127.0.0.1", port)
        assert found is not None
        assert found.pid == os.getpid()
    assert holder_of("127.0.0.1", port) is None


def test_the_machine_images_name_is_a_hash_of_its_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = images.machine_image_id("podman")
    assert before == images.machine_image_id("podman")
    assert len(before) == len("ami-") + 17
    for file in images.FILES.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "init.py").write_text("# another\n")
    monkeypatch.setattr(images, "FILES", tmp_path)
    assert images.machine_image_id("podman") != before


@pytest.mark.parametrize(
    ("name", "cpus", "gib", "architecture"),
    [("t3.micro", 2, 1, "x86_64"), ("t4g.small", 2, 2, "arm64"), ("m7g.large", 2, 8, "arm64")],
)
def test_instance_types_are_those_of_aws(name: str, cpus: int, gib: int, architecture: str) -> None:
    kind = instance_type(name)
    assert kind is not None
    assert (kind.cpus, kind.memory, kind.architecture) == (cpus, gib * 2**30, architecture)


@pytest.mark.parametrize("name", ["t3", "t3.huge", "m7g.micro", "p5.48xlarge", ""])
def test_other_instance_types_are_unknown(name: str) -> None:
    assert instance_type(name) is None

"""`docker` on a machine: what it takes out of a command line, and what it leaves."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[4] / "localcloud/machines/image/docker.py"


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name, value in (
        ("LOCALCLOUD_INSTANCE_ID", "i-1"),
        ("LOCALCLOUD_LABEL", "localcloud.instance"),
        ("LOCALCLOUD_ID", "cloud"),
        ("LOCALCLOUD_ENGINE", "podman"),
    ):
        monkeypatch.setenv(name, value)
    specification = importlib.util.spec_from_file_location("machine_docker", PROGRAM)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "machine_docker", module)
    specification.loader.exec_module(module)
    return module


def test_name_and_log_options_are_taken_out_and_the_rest_is_left(docker: ModuleType) -> None:
    line = "-d --name app --network host --restart=always --read-only --tmpfs /tmp --log-driver awslogs"
    line += " --log-opt mode=non-blocking --log-opt awslogs-group=/hello -e NAME=value image --name inside"
    rest, name, driver, options = docker.split_run(line.split())
    assert name == "app"
    assert driver == "awslogs"
    assert options == {"mode": "non-blocking", "awslogs-group": "/hello"}
    left = "-d --network host --restart=always --read-only --tmpfs /tmp -e NAME=value image --name inside"
    assert rest == left.split(), "words after the image belong to its command"


def test_values_may_follow_an_equals_sign(docker: ModuleType) -> None:
    rest, name, driver, options = docker.split_run(
        ["--name=app", "--log-driver=awslogs", "--log-opt=awslogs-group=/a=b", "image"]
    )
    assert (rest, name, driver, options) == (["image"], "app", "awslogs", {"awslogs-group": "/a=b"})


def test_unknown_log_options_are_refused_by_name(docker: ModuleType) -> None:
    with pytest.raises(SystemExit, match="awslogs-datetime-format"):
        docker.run("run", ["-d", "--log-driver=awslogs", "--log-opt=awslogs-datetime-format=%Y", "image"])


def test_awslogs_without_a_group_is_refused(docker: ModuleType) -> None:
    with pytest.raises(SystemExit, match="awslogs-group"):
        docker.run("run", ["-d", "--log-driver=awslogs", "image"])


@pytest.mark.parametrize(("asked", "given"), [("1", "0.5"), ("0.2", "0.2")])
def test_a_container_never_gets_more_processors_than_its_machine(
    docker: ModuleType, monkeypatch: pytest.MonkeyPatch, asked: str, given: str
) -> None:
    monkeypatch.setenv("LOCALCLOUD_CPUS", "0.5")
    for line in (f"-d --cpus {asked} image --cpus 4", f"-d --cpus={asked} image --cpus 4"):
        assert docker.split_run(line.split())[0] == ["-d", "--cpus", given, "image", "--cpus", "4"]

"""The way back past alarms: to the newest launch template version with the image that served, awaited to its end."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cloud import PROJECT

sys.path.append(str(PROJECT / "roles" / "stack" / "module_utils"))
sys.path.append(str(PROJECT / "roles" / "rolling_update" / "action_plugins"))

import instances_returned
from cloudformation_stack.errors import StackError
from instances_returned import ActionModule, newest_with

OPTIONS = {
    "group": "hello-local-blue",
    "launch_template": "lt-1",
    "digest": "sha256:good",
    "machine_image": "",
    "min_healthy": 100,
    "max_healthy": 150,
    "warmup": 60,
    "timeout": 600,
}


class Services:
    """ec2 and autoscaling in one: three versions, the second of them bad, the third made by a stack's rollback."""

    meta: Any

    def __init__(self, statuses: Sequence[str]) -> None:
        self.statuses = list(statuses)
        self.started: dict[str, Any] = {}
        self.meta = type("Meta", (), {"service_model": type("Model", (), {"service_name": "service"})})

    def can_paginate(self, _: str) -> bool:
        return False

    def describe_launch_template_versions(self, **_: Any) -> dict[str, Any]:
        versions = ((1, b"sha256:good", "ami-old"), (2, b"sha256:bad", "ami-old"), (10, b"sha256:good", "ami-new"))
        return {
            "LaunchTemplateVersions": [
                {
                    "VersionNumber": number,
                    "LaunchTemplateData": {"UserData": base64.b64encode(text).decode(), "ImageId": machine_image},
                }
                for number, text, machine_image in versions
            ]
        }

    def start_instance_refresh(self, **arguments: Any) -> dict[str, Any]:
        self.started = arguments
        return {"InstanceRefreshId": "r-1"}

    def describe_instance_refreshes(self, **_: Any) -> dict[str, Any]:
        return {"InstanceRefreshes": [{"Status": self.statuses.pop(0), "StatusReason": "no capacity"}]}


def act(services: Services, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    action: Any = ActionModule.__new__(ActionModule)
    action._task = type("Task", (), {"check_mode": False})
    monkeypatch.setattr(action, "clients", lambda: lambda _: services)
    monkeypatch.setattr(instances_returned, "POLL_SECONDS", 0.0)
    done: dict[str, Any] = action.act(OPTIONS)
    return done


def test_the_newest_version_with_the_image_is_taken() -> None:
    assert newest_with(Services([]), "lt-1", "sha256:good") == "10"
    with pytest.raises(StackError, match="No version of the launch template lt-1 has the image sha256:gone"):
        newest_with(Services([]), "lt-1", "sha256:gone")


def test_the_way_back_from_a_machine_image_is_another_one() -> None:
    """Its release has the digest of what served before."""
    assert newest_with(Services([]), "lt-1", "sha256:good", "ami-old") == "1"
    with pytest.raises(StackError, match="sha256:good on the machine image ami-gone, which"):
        newest_with(Services([]), "lt-1", "sha256:good", "ami-gone")


def test_it_goes_there_without_alarms_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    services = Services(["Pending", "InProgress", "Successful"])
    assert act(services, monkeypatch) == {"changed": True, "version": "10"}
    template = {"LaunchTemplateId": "lt-1", "Version": "10"}
    assert services.started["DesiredConfiguration"] == {"LaunchTemplate": template}
    assert "AlarmSpecification" not in services.started["Preferences"]
    assert services.statuses == []


def test_one_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackError, match=r"r-1 is Failed\. no capacity"):
        act(Services(["InProgress", "Failed"]), monkeypatch)

"""The service role of bootstrap.yml has every right that applying, changing and removing our templates takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.settings import Settings
from tests.contract.control_plane import free_port, serving
from tests.contract.drift.cloud import APPLIED_WITH_THE_ROLE, Account, Cloud

CHANGES = {
    "registry": {"KeepImages": "31"},
    "load-balancer": {"DeregistrationDelaySeconds": "20"},
    "fleet": {"LogRetentionDays": "14", "ImageDigest": f"sha256:{'1' * 64}"},
}


@pytest.mark.timeout(120)
def test_our_templates_come_change_and_go_with_it(tmp_path: Path) -> None:
    settings = Settings(tmp_path, port=free_port())
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        cloud = Cloud(Account(endpoint)).deploy()
        for name, parameters in CHANGES.items():
            assert cloud.stacks[name].update(**parameters) == "UPDATE_COMPLETE", cloud.stacks[name].reasons()
        for name in reversed(APPLIED_WITH_THE_ROLE):
            assert cloud.stacks[name].removed() == "DELETE_COMPLETE", cloud.stacks[name].reasons()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.settings import Settings
from tests.contract.control_plane import free_port, serving
from tests.contract.drift.cloud import Account, Cloud


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    settings = Settings(tmp_path_factory.mktemp("drift"), port=free_port())
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield Account(endpoint)


@pytest.fixture(scope="session")
def cloud(account: Account) -> Cloud:
    return Cloud(account).deploy()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.settings import Settings
from tests.contract.control_plane import free_port, serving
from tests.contract.monitoring.account import SCALE, Account


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    settings = Settings(tmp_path_factory.mktemp("monitoring"), port=free_port(), time_scale=SCALE)
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield Account(endpoint, settings)

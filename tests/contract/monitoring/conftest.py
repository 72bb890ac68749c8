from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.settings import Settings
from tests.contract.control_plane import free_port, serving
from tests.contract.monitoring.account import SCALE, Account


def _account(state_dir: Path, scale: float) -> Iterator[Account]:
    settings = Settings(state_dir, port=free_port(), time_scale=scale)
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield Account(endpoint, settings)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Where a minute lasts a second."""
    yield from _account(tmp_path_factory.mktemp("monitoring"), SCALE)


@pytest.fixture(scope="session")
def unscaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Where a minute is a minute: what is seen is what is seen at once."""
    yield from _account(tmp_path_factory.mktemp("unscaled"), 1)

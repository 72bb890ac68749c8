from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.settings import Settings
from tests.contract.control_plane import free_port, serving
from tests.contract.scaling.utilisation import FILE
from tests.contract.stacks.conftest import client, stack

__all__ = ["client", "stack"]

SCALE = 60
"""A minute of AWS's time takes a second."""


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("scaling"), port=free_port(), time_scale=SCALE)


@pytest.fixture(scope="session")
def endpoint(settings: Settings) -> Iterator[str]:
    (settings.state_dir / FILE).write_text("")
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.fixture
def busy(settings: Settings) -> Callable[[str], None]:
    """busy(percent) is the group's utilisation from now on."""

    def set_utilisation(percent: str) -> None:
        draft = settings.state_dir / "cpu.new"
        draft.write_text(percent)
        draft.replace(settings.state_dir / FILE)

    return set_utilisation

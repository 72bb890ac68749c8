"""Fixtures that every stage of the tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud, running


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud that is up; down, with nothing left, when the tests are over."""
    with running(tmp_path_factory.mktemp("localcloud")) as cloud:
        yield cloud

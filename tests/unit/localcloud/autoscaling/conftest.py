from __future__ import annotations

import pytest

from tests.unit.localcloud.autoscaling.cloud import Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.settings import Settings
from tests.cloud import ACCOUNT, aws_client
from tests.contract.control_plane import free_port, serving


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(tmp_path_factory.mktemp("stacks"), port=free_port())
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.fixture
def client(endpoint: str) -> Any:
    """client(service) as the account's root user."""

    def make(service: str, key: str = ACCOUNT, secret: str = "secret", token: str | None = None) -> Any:
        return aws_client(
            endpoint, service, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token
        )

    return make

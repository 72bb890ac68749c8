from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped, unused-ignore]
import pytest

ROOT = Path(__file__).parents[3]


def _python() -> str:
    """The environment that holds MiniStack: pytest's own, or that of `make localcloud`."""
    if importlib.util.find_spec("ministack"):
        return sys.executable
    return str(ROOT / ".venv-localcloud/bin/python")


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("control_plane") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_python(), "-m", "tests.contract.stacks.server", str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"the control plane did not start:\n{log.read_text()}")
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
def client(endpoint: str) -> Any:
    """client(service) as the account's root user."""

    def make(service: str, key: str = "000000000000", secret: str = "secret", token: str | None = None) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )

    return make

"""A control plane in a process of its own, for contract tests that need no machines."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.ministack_settings import ministack_environment
from localcloud.settings import Settings
from tests.cloud import LOCALCLOUD_PYTHON, PROJECT, clean_environment

START_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(server: Path, settings: Settings) -> Iterator[str]:
    """Runs `install(settings)` of a `server.py` in `serve.py`; gives the endpoint.

    MiniStack reads its settings from the environment when it is imported, hence the process. It ends with its stdin,
    so that it cannot outlive the tests.
    """
    (settings.state_dir / "ministack").mkdir()
    settings.save()
    with settings.log_file.open("wb") as log:
        process = subprocess.Popen(
            [LOCALCLOUD_PYTHON, "-m", "tests.contract.serve", _module(server), settings.state_dir],
            cwd=PROJECT,
            env=clean_environment() | ministack_environment(settings),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(settings.port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the control plane did not start:\n{settings.log_file.read_text()}")
            time.sleep(0.1)
        yield settings.endpoint
    finally:
        process.kill()
        process.wait()


def _module(source: Path) -> str:
    return ".".join(source.relative_to(PROJECT).with_suffix("").parts)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

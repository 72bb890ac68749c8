from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.contract.drift.cloud import ROOT, Account, Cloud


def _python() -> str:
    """The environment that holds MiniStack: pytest's own, or that of `make localcloud`."""
    if importlib.util.find_spec("ministack"):
        return sys.executable
    return str(ROOT / ".venv-localcloud/bin/python")


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state_dir = tmp_path_factory.mktemp("drift")
    (state_dir / "ministack").mkdir()
    log = state_dir / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_python(), "-m", "tests.contract.drift.server", str(port), str(state_dir)],
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
    yield Account(f"http://127.0.0.1:{port}")
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def cloud(account: Account) -> Cloud:
    return Cloud(account).deploy()

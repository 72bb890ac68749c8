"""`make rehearse` as its user calls it: production's own inventory, and an environment full of ways into AWS."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import PROJECT

pytestmark = pytest.mark.timeout(900)


class Trap:
    """Counts connections; nothing of a rehearsal may come here."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.caught = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.caught += 1
            connection.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


def hostile(trap: Trap, directory: Path) -> dict[str, str]:
    """A developer's shell that is logged in to production, and configured in every way the SDKs know."""
    home = directory / "home"
    (home / ".aws").mkdir(parents=True)
    profile = f"region = us-west-2\nendpoint_url = {trap.url}\ncredential_process = touch {directory / 'sprung'}\n"
    (home / ".aws" / "config").write_text(f"[default]\n{profile}[profile production]\n{profile}")
    services = ("CLOUDFORMATION", "AUTO_SCALING", "ELASTIC_LOAD_BALANCING_V2", "EC2", "ECR", "STS", "ACM", "DYNAMODB")
    return {
        **os.environ,
        **{f"AWS_ENDPOINT_URL_{service}": trap.url for service in services},
        "HOME": str(home),
        "AWS_ENDPOINT_URL": trap.url,
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{trap.url}/credentials",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": trap.url,
        "AWS_CA_BUNDLE": "/nowhere",
        "ANSIBLE_CONFIG": "/nowhere",
        "ANSIBLE_INVENTORY": "/nowhere",
        "LOCALCLOUD_ENDPOINT": trap.url,
    }


COMMAND = [sys.executable, "-m", "rehearsal", "production", "--release-strategy=rolling"]


def test_production_is_rehearsed_and_nothing_of_it_reaches_aws(trap: Trap, tmp_path: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--from=HEAD", "--time-scale=10"],
        cwd=PROJECT,
        env=hostile(trap, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "account 222222222222" in run.stdout
    assert re.search(r"^None of [\d,]+ requests failed$", run.stdout, re.MULTILINE)
    assert trap.caught == 0
    assert not (tmp_path / "sprung").exists()
    report = Path(re.findall(r"^Report: (.*)$", run.stdout, re.MULTILINE)[0])
    assert "production" in report.read_text(encoding="utf-8")
    report.unlink()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "there is no such environment; there are local, production, staging"),
        (["production", "--rate=1e9"], "rate must be"),
        (["production", "--from=no-such-revision"], "FROM=no-such-revision"),
    ],
)
def test_what_cannot_be_rehearsed_is_said_in_a_sentence(words: list[str], sentence: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "rehearsal", *words], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr


def test_a_rehearsal_that_is_ended_leaves_nothing_behind() -> None:
    with subprocess.Popen([*COMMAND], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        for line in run.stdout:
            if line.startswith("Deploying"):
                break
        time.sleep(5)  # In the middle of a playbook, wherever that is.
        run.send_signal(signal.SIGTERM)
        run.stdout.read()
    assert run.returncode == 1
    left = [
        process
        for process in Path("/proc").glob("[0-9]*/environ")
        if _environment(process).get("AWS_ACCESS_KEY_ID") == "222222222222"
    ]
    assert left == []


def _environment(file: Path) -> dict[str, str]:
    try:
        pairs = file.read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

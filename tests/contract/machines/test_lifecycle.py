"""`up`, `status` and `down`: also again, also after the server was killed; nothing stays."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import Cloud
from tests.contract.machines.test_instances import Machines
from tests.waiting import eventually

PORT, BLOCK = 4568, "127.89.0.0/16"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cloud]:
    """A second local cloud, beside that of the other tests."""
    cloud = Cloud(tmp_path / "state", port=PORT, address_block=BLOCK)
    yield cloud
    cloud.down()
    assert left_behind(cloud) == []


def left_behind(cloud: Cloud) -> list[str]:
    """Processes, containers, listeners, mounts and names of a cloud."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            found += [command] if str(cloud.state_dir) in command else []
    names = subprocess.run(
        ["podman", "ps", "--all", "--format", "{{.Mounts}} {{.Labels}}"], capture_output=True, text=True, check=True
    )
    found += [line for line in names.stdout.splitlines() if str(cloud.state_dir) in line]
    found += [line for line in Path("/etc/hosts").read_text().splitlines() if str(cloud.state_dir) in line]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(cloud.state_dir) in line]
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", cloud.port)) == 0:
            found.append(f"127.0.0.1:{cloud.port} listens")
    return found


def test_up_twice_is_up_once_and_says_that_it_is_not_aws(own: Cloud) -> None:
    first = own.command("up")
    assert first.returncode == 0, first.stderr
    assert "not AWS" in first.stdout
    process = (own.state_dir / "server.pid").read_text()
    assert own.command("up").returncode == 0
    assert (own.state_dir / "server.pid").read_text() == process
    status = json.loads(own.command("status", "--json").stdout)
    assert (status["running"], status["endpoint"]) == (True, own.endpoint)


def test_nothing_of_the_callers_credentials_reaches_the_server(own: Cloud) -> None:
    assert own.command("up", environment={"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_PROFILE": "prod"}).returncode == 0
    process = (own.state_dir / "server.pid").read_text().strip()
    assert b"AWS_" not in Path(f"/proc/{process}/environ").read_bytes()


def test_down_cleans_up_after_a_server_that_was_killed(own: Cloud) -> None:
    own.up()
    machines = Machines(own)
    name = machines.run("#!/bin/sh\necho up\n")["InstanceId"]
    machines.console(name)
    process = int((own.state_dir / "server.pid").read_text())
    os.kill(process, signal.SIGKILL)
    eventually(lambda: own.command("status").returncode == 3)
    own.down()
    assert left_behind(own) == []


def test_up_starts_afresh_after_a_server_that_was_killed(own: Cloud) -> None:
    own.up()
    os.kill(int((own.state_dir / "server.pid").read_text()), signal.SIGKILL)
    own.up()
    assert own.command("status").returncode == 0


def test_everything_listens_on_loopback_only(cloud: Cloud) -> None:
    process = (cloud.state_dir / "server.pid").read_text().strip()
    sockets = {str(entry.readlink()) for entry in Path(f"/proc/{process}/fd").iterdir() if entry.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                assert table == "tcp"
                assert fields[1].split(":")[0].endswith("7F"), "an address of 127.0.0.0/8, in the host's byte order"


def test_a_state_directory_without_a_cloud_is_no_error(tmp_path: Path) -> None:
    none = Cloud(tmp_path / "none", port=PORT, address_block=BLOCK)
    assert none.command("down").returncode == 0
    assert none.command("status").returncode == 3
    assert not none.state_dir.exists()


def test_a_wrong_option_changes_nothing(tmp_path: Path) -> None:
    wrong = Cloud(tmp_path / "none", port=PORT, address_block="10.0.0.0/16")
    refused = wrong.command("up")
    assert refused.returncode != 0
    assert "--address-block must be a /16 inside 127.0.0.0/8" in refused.stderr
    assert not wrong.state_dir.exists()

"""A local cloud of a rehearsal's own, beside the one of `make local` and those of tests."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3

from rehearsal import environment
from rehearsal.environment import PROJECT
from rehearsal.errors import RehearsalError

PYTHON = PROJECT / ".venv-localcloud" / "bin" / "python"


@dataclass(frozen=True)
class Place:
    """A free port with the address block that goes with it, claimed until `claim` is closed.

    Locked from its choice on: between that and `up`, nothing listens there yet.
    """

    port: int
    address_block: str
    claim: IO[str]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_place(first_port: int = 4590, first_block: int = 120, number: int = 10) -> Place:
    """The first that is free of so many ports, each with the /16 127.`first_block`… that goes with it.

    Two runs that start together get different ones.

    :raises RehearsalError: all are taken.
    """
    for offset in range(number):
        port = first_port + offset
        # Not in a directory of this run's own: the lock is what other runs must see.
        claim = (Path(tempfile.gettempdir()) / f"localcloud-{port}.lock").open("w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            claim.close()
            continue
        return Place(port, f"127.{first_block + offset}.0.0/16", claim)
    raise RehearsalError(
        f"The ports {first_port} to {first_port + number - 1} are all taken: end another local cloud first."
    )


@dataclass(frozen=True)
class Terms:
    """What a local cloud is told to be; the options of `localcloud up` of the same names."""

    account: str
    region: str
    time_scale: float
    rollback_refresh_honours_alarms: bool = False
    instance_cpus: float | None = None


@dataclass(frozen=True)
class Cloud:
    """A local cloud that is up. `environment` is that of everything that works on it."""

    directory: Path
    """Of the rehearsal; gone with it."""
    place: Place
    terms: Terms
    environment: Mapping[str, str]

    @property
    def endpoint(self) -> str:
        return self.place.endpoint

    @property
    def state_dir(self) -> Path:
        return self.directory / "cloud"

    def client(self, service: str) -> Any:
        """A client as the account's root user."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.terms.region,
            aws_access_key_id=self.terms.account,
            aws_secret_access_key=environment.SECRET_KEY,
        )


@contextmanager
def running(directory: Path, place: Place, terms: Terms) -> Iterator[Cloud]:
    """A local cloud; down, with nothing left of it, when the block is over.

    :param directory: for its state, and for the home directory of everything that works on it. Its path must be
        short, because sockets are in it.
    """
    home = directory / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    clean = environment.clean(home, place.endpoint, terms.account, terms.region)
    cloud = Cloud(directory, place, terms, clean)
    # How inventories/local finds this cloud.
    clean |= {"LOCALCLOUD_ENDPOINT": place.endpoint, "LOCALCLOUD_STATE_DIR": str(cloud.state_dir)}
    options = [f"--port={place.port}", f"--address-block={place.address_block}", f"--time-scale={terms.time_scale:g}"]
    options += [f"--account={terms.account}", f"--region={terms.region}"]
    options += ["--rollback-refresh-honours-alarms"] if terms.rollback_refresh_honours_alarms else []
    options += [f"--instance-cpus={terms.instance_cpus:g}"] if terms.instance_cpus else []
    try:
        _localcloud("up", cloud.state_dir, clean, options)
        yield cloud
    finally:
        _localcloud("down", cloud.state_dir, clean, [])


def _localcloud(verb: str, state_dir: Path, clean: Mapping[str, str], options: list[str]) -> None:
    outcome = subprocess.run(
        [PYTHON, "-m", "localcloud", verb, f"--state-dir={state_dir}", *options],
        cwd=PROJECT,
        env=clean,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        raise RehearsalError(f"localcloud {verb}: {(outcome.stderr or outcome.stdout).strip()}")

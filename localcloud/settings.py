"""Settings of one local cloud: everything that must differ for a second one to run beside the first.

`up` writes them to `<state_dir>/settings.json`, and everything else reads them from there, so that `down` and
`status` need the state directory alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

LOOPBACK = IPv4Network("127.0.0.0/8")
MIN_CPUS = 0.05
"""With less, an application takes longer to start than a launch hook waits."""
DEFAULT_BLOCK = IPv4Network("127.66.0.0/16")


class SettingsError(ValueError):
    """A setting that cannot work; the message names the command line option to change."""


@dataclass(frozen=True)
class Settings:
    """One local cloud. `time_scale` is how many times faster than on AWS delays and windows are played."""

    state_dir: Path
    port: int = 4566
    address_block: IPv4Network = DEFAULT_BLOCK
    region: str = "us-east-1"
    account: str = "000000000000"
    engine: str = ""
    """`podman` or `docker`; empty until `up` has found out which of them works."""
    time_scale: float = 1.0
    rollback_refresh_honours_alarms: bool = False
    """Whether the instance refresh of a stack's rollback applies the policy's AlarmSpecification too, so that it is
    refused while an alarm fires. AWS does not document which of both it does: releases must come out right under both.
    """
    smtp: str = ""
    """host:port of a mail server that is sent a copy of every mail; empty: the mailbox has the only one. On loopback,
    because mails look as if AWS had sent them: whether one leaves the machine is for a relay of the user's to decide.
    """
    instance_cpus: float | None = None
    """The most processors that an instance's application may use, and 100 % of the instance's CPU utilisation. None: as
    many as its type has. A small host needs it to saturate instances and still have some left for clients."""

    def __post_init__(self) -> None:
        if not 1024 <= self.port <= 65535:
            raise SettingsError(f"--port must be between 1024 and 65535, got {self.port}")
        if self.address_block.prefixlen != 16 or not self.address_block.subnet_of(LOOPBACK):
            raise SettingsError(
                f"--address-block must be a /16 inside {LOOPBACK}, such as 127.66.0.0/16; got {self.address_block}"
            )
        if self.address_block.network_address == IPv4Address("127.0.0.0"):
            raise SettingsError("--address-block 127.0.0.0/16 holds localhost itself; take 127.66.0.0/16")
        if not re.fullmatch(r"\d{12}", self.account):
            raise SettingsError(f"--account must have 12 digits, got {self.account!r}")
        if not self.time_scale > 0:
            raise SettingsError(f"--time-scale must be greater than 0, got {self.time_scale}")
        if self.smtp:
            _check_mail_server(self.smtp)
        if self.instance_cpus is not None and not self.instance_cpus >= MIN_CPUS:
            raise SettingsError(f"--instance-cpus must be at least {MIN_CPUS}, got {self.instance_cpus}")

    def scaled(self, seconds: float) -> float:
        """Real seconds that stand for `seconds` of AWS time."""
        return seconds / self.time_scale

    @property
    def endpoint(self) -> str:
        """URL of the AWS API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def registry_host(self) -> str:
        """Host and port of the container registry, as image names carry it."""
        return f"127.0.0.1:{self.port}"

    @property
    def cloud_id(self) -> str:
        """Short name of this cloud; marks its containers, processes and /etc/hosts lines."""
        return hashlib.sha256(str(self.state_dir).encode()).hexdigest()[:12]

    @property
    def log_file(self) -> Path:
        return self.state_dir / "log"

    @property
    def settings_file(self) -> Path:
        return self.state_dir / "settings.json"

    def save(self) -> None:
        """Writes the settings; the state directory must exist."""
        values = asdict(self) | {"state_dir": str(self.state_dir), "address_block": str(self.address_block)}
        draft = self.settings_file.with_suffix(".json.new")
        draft.write_text(json.dumps(values, indent=2) + "\n")
        draft.replace(self.settings_file)


def _check_mail_server(place: str) -> None:
    host, _, port = place.rpartition(":")
    try:
        fits = IPv4Address(host) in LOOPBACK and 0 < int(port) <= 65535
    except ValueError:
        fits = False
    if not fits:
        raise SettingsError(f"--smtp must be an address of {LOOPBACK} and a port, such as 127.0.0.1:1025; got {place}")


def load(state_dir: Path) -> Settings | None:
    """The settings `up` saved, or None when no cloud was ever started in this state directory."""
    state_dir = state_dir.resolve()
    try:
        values: dict[str, Any] = json.loads((state_dir / "settings.json").read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise SettingsError(f"{state_dir / 'settings.json'} is not readable ({error}); remove it") from error
    values["state_dir"] = state_dir
    values["address_block"] = IPv4Network(values["address_block"])
    return Settings(**values)

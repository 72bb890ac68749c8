"""HAProxy's runtime sockets.

The sockets are reached through their directory's file descriptor: a Unix socket's path is limited to 108 bytes,
and a state directory may lie deeper than that.
"""

from __future__ import annotations

import csv
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

from localcloud.balancer.errors import RuntimeRefused

MAINTENANCE = 0x01
"""Bit of `srv_admin_state`: set to maintenance through the socket."""
DRAIN = 0x08
"""Bit of `srv_admin_state`: set to drain through the socket."""


@dataclass(frozen=True)
class ServerState:
    """One server as HAProxy sees it."""

    backend: str
    name: str
    address: str
    port: int
    admin: int
    status: str
    """As in `show stat`: UP, DOWN, `UP 1/2`, DRAIN, MAINT, `no check` …"""
    check_status: str
    """As in `show stat`: L7OK, L7STS, L4TOUT …; empty or INI before the first result."""
    check_code: str
    sessions: int

    @property
    def up(self) -> bool:
        return not self.status.startswith(("DOWN", "MAINT"))

    @property
    def check_passed(self) -> bool:
        return self.check_status in ("L7OK", "L7OKC")

    @property
    def checked(self) -> bool:
        return self.check_status not in ("", "INI", "UNK")


class Runtime:
    """Sends commands to the socket `name` in `directory`."""

    def __init__(self, directory: Path, name: str, timeout: float = 5.0) -> None:
        self._directory = directory
        self._name = name
        self._timeout = timeout

    def ask(self, command: str) -> str:
        """One command, one answer. Raises OSError when nobody listens."""
        handle = os.open(self._directory, os.O_PATH | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(self._timeout)
                link.connect(f"/proc/self/fd/{handle}/{self._name}")
                link.sendall(command.encode() + b"\n")
                answer = b""
                while chunk := link.recv(65536):
                    answer += chunk
        finally:
            os.close(handle)
        return answer.decode(errors="replace").strip()

    def order(self, command: str, accepted: str = "") -> None:
        """A command that is silent, or says `accepted`, when it worked. Raises RuntimeRefused otherwise."""
        answer = self.ask(command)
        if answer and not (accepted and accepted in answer):
            raise RuntimeRefused(f"{command.splitlines()[0]}: {answer.splitlines()[0]}")

    def process_id(self) -> int:
        """Process id of the worker that answers now."""
        return self.worker()[0]

    def worker(self) -> tuple[int, int]:
        """(process id, log lines that could not be written) of the worker that answers now."""
        info = dict(re.findall(r"^(Pid|DroppedLogs): (\d+)$", self.ask("show info"), re.MULTILINE))
        if "Pid" not in info:
            raise RuntimeRefused("show info: no process id in the answer")
        return int(info["Pid"]), int(info.get("DroppedLogs", 0))

    def state_file(self) -> str:
        """What a state file must hold for the next worker to know what this one knows."""
        return self.ask("show servers state") + "\n"

    def servers(self) -> dict[tuple[str, str], ServerState]:
        """Every server, by backend and name."""
        found: dict[tuple[str, str], ServerState] = {}
        admin = {(f[1], f[3]): f for f in map(str.split, self.ask("show servers state").splitlines()[2:]) if f}
        table = self.ask("show stat").removeprefix("# ")
        for row in csv.DictReader(table.splitlines()):
            key = (row["pxname"], row["svname"])
            if (fields := admin.get(key)) is None:
                continue
            found[key] = ServerState(
                backend=key[0],
                name=key[1],
                address=fields[4],
                port=int(fields[18]),
                admin=int(fields[6]),
                status=row["status"],
                check_status=row["check_status"].removeprefix("* "),
                check_code=row["check_code"],
                sessions=int(row["scur"] or 0),
            )
        return found

    def replace_map(self, name: str, entries: dict[str, int]) -> None:
        """Swaps a map's whole content in one step: a request sees all old weights or all new ones."""
        version = re.search(r"\d+", self.ask(f"prepare map {name}"))
        if version is None:
            raise RuntimeRefused(f"prepare map {name}: no version in the answer")
        for key, value in entries.items():
            self.order(f"add map @{version[0]} {name} {key} {value}")
        self.order(f"commit map @{version[0]} {name}")

    def replace_certificate(self, name: str, bundle: str) -> None:
        """New connections get the new certificate, established ones go on."""
        self.order(f"set ssl cert {name} <<\n{bundle.strip()}\n", accepted="Transaction")
        self.order(f"commit ssl cert {name}", accepted="Success!")

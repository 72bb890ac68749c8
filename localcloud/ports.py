"""Who listens on a port: what a message about a taken port has to say."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

ANY = str(IPv4Address(0))
LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (`man 5 proc`)."""


@dataclass(frozen=True)
class Holder:
    """A process that listens; `pid` is None when it belongs to somebody else and cannot be seen."""

    pid: int | None
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})" if self.pid else "a process of another user"


def holder_of(address: str, port: int) -> Holder | None:
    """None when the port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return None
    inodes = _listening(address, port)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _holds(entry, inodes):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            return Holder(int(entry.name), command[:80])
    return Holder(None, "")


def _listening(address: str, port: int) -> set[str]:
    wanted = {f"{int.from_bytes(IPv4Address(one).packed, 'little'):08X}:{port:04X}" for one in (address, ANY)}
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            both_families = table == "tcp6" and fields[1].endswith(f":{port:04X}")
            if fields[3] == LISTEN and (fields[1] in wanted or both_families):
                found.add(f"socket:[{fields[9]}]")
    return found


def _holds(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir())
    except OSError:
        return False

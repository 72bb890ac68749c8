"""Makes load balancer names resolvable: marked lines in the hosts file.

The file is edited in place, because it may be a bind mount that cannot be replaced by renaming. Every line of ours
ends with a marker that names the state directory, so that two local clouds do not remove each other's.
"""

from __future__ import annotations

import fcntl
from collections.abc import Mapping
from pathlib import Path

HOSTS_FILE = Path("/etc/hosts")
_MARKER = "# localcloud "


class HostsFile:
    """The lines of one local cloud in a hosts file."""

    def __init__(self, state_dir: Path, path: Path = HOSTS_FILE) -> None:
        self.path = path
        self._marker = f"{_MARKER}{state_dir}"

    def entries(self) -> dict[str, str]:
        """Our lines: name → address."""
        ours = (line for line in self.path.read_text().splitlines() if self._is_ours(line))
        return {fields[1]: fields[0] for fields in map(str.split, ours)}

    def replace(self, entries: Mapping[str, str]) -> None:
        """Makes our lines exactly `entries` (name → address). Raises OSError when the file cannot be written.

        Nobody else's line is touched, and nothing is written when nothing changes.
        """
        with self.path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.read()
            kept = [line for line in before.splitlines() if not self._is_ours(line)]
            added = [f"{address} {name} {self._marker}" for name, address in sorted(entries.items())]
            after = "".join(line + "\n" for line in [*kept, *added])
            if after == before or (not added and len(kept) == len(before.splitlines())):
                return
            file.seek(0)
            file.write(after)
            file.truncate()

    def _is_ours(self, line: str) -> bool:
        return line.rstrip().endswith(self._marker) and not line.lstrip().startswith("#")

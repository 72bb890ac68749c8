"""Action: lock and history of releases, in the controller's own process, which is what holds the lock."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play, clients, retries.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

from cloudformation_stack.controller_action import ControllerAction
from cloudformation_stack.errors import StackError, error_code
from release_table import Holder, LockedError, ReleaseTable

READING = ("read", "free")


class ActionModule(ControllerAction):
    """Options: C(table); C(environment); C(state), one of V(read), V(free), V(begun), V(finished) and V(unlocked).

    C(release) for V(begun): C(digest) and whatever else is to be remembered. C(number), C(token), C(result) and
    C(reason) for V(finished). C(region) is the table's. Returns C(lock) and C(releases), newest first; for V(begun)
    C(release) and C(token). Warns where the lock was somebody else's at the end.
    """

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "table": {"type": "str", "required": True},
        "environment": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": [*READING, "begun", "finished", "unlocked"]},
        "release": {"type": "dict", "default": {}},
        "number": {"type": "int", "default": 0},
        "token": {"type": "str", "default": ""},
        "result": {"type": "str", "default": ""},
        "reason": {"type": "str", "default": ""},
        "region": {"type": "str"},
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        if self._task.check_mode and options["state"] not in READING:
            return {"skipped": True}
        client = self.clients(options["region"])("dynamodb")
        try:
            return self._done(ReleaseTable(client, options["table"], options["environment"], _is_alive), options)
        except LockedError as error:
            raise StackError(str(error)) from error
        except Exception as error:  # botocore's are told; anything else is a bug with its trace
            if not error_code(error):
                raise
            raise StackError(f"The table {options['table']} of releases: {error}") from error

    def _done(self, table: ReleaseTable, options: dict[str, Any]) -> dict[str, Any]:
        state = options["state"]
        # A worker is asked; the run is the process that started it.
        holder = Holder(f"{getpass.getuser()}@{socket.gethostname()}", _host(), os.getppid())
        if state == "free":
            table.see_free(holder)
            return {}
        if state == "begun":
            release = {str(key): str(value) for key, value in options["release"].items() if value}
            begun = table.begin(release, holder)
            return {"changed": True, "release": begun.record, "token": begun.token}
        if state == "finished":
            return self._finished(table, options)
        if state == "unlocked":
            lock = table.unlock()
            return {"changed": bool(lock), "lock": lock}
        return table.read()

    @staticmethod
    def _finished(table: ReleaseTable, options: dict[str, Any]) -> dict[str, Any]:
        if table.finish(options["number"], options["token"], options["result"], options["reason"]):
            return {"changed": True}
        return {
            "warnings": [
                f"The lock of release {options['number']} was taken away before it ended: that it {options['result']} "
                "is not in the history."
            ]
        }


def _host() -> str:
    """This host's name, with the kernel's start and the namespace of process numbers, where the system has these."""
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    parts += [boot.read_text().strip()] if boot.is_file() else []
    parts += [str(namespace.readlink())] if namespace.is_symlink() else []
    return " ".join(parts)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # One that ended and that nobody has asked after is listed still.
    state = Path(f"/proc/{process}/stat")
    return not (state.is_file() and state.read_text().rpartition(")")[2].split()[0] == "Z")

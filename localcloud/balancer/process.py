"""One supervised HAProxy: started in the foreground, reloaded without a gap, gone when we are gone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import Executor
from pathlib import Path

from localcloud.balancer.errors import BalancerError
from localcloud.balancer.render import ADMIN_SOCKET, CONFIG_FILE, MASTER_SOCKET
from localcloud.balancer.runtime import Runtime

START_DEADLINE = 10.0
"""Seconds until a started or reloaded HAProxy must answer; it takes about 0.1 s."""


class HaproxyProcess:
    """HAProxy in master-worker mode with `directory` as its working directory.

    `spawner` must be an executor whose one thread lives as long as this object: the kernel ends HAProxy when the
    thread that started it is gone, however this program ended.
    """

    def __init__(self, directory: Path, spawner: Executor) -> None:
        self.directory = directory
        self.requests_to: int | None = None
        """Descriptor that takes the log lines of requests."""
        self.dropped_logs = 0
        """Lines that the present worker could not write since it started, as of the last `alive`."""
        self.runtime = Runtime(directory, ADMIN_SOCKET)
        self._spawner = spawner
        self._process: subprocess.Popen[bytes] | None = None
        self._worker = 0
        self._pid_file = directory / "pid"
        self._log_file = directory / "log"

    @property
    def pid(self) -> int | None:
        """Process id of the master; None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def alive(self) -> bool:
        """The master runs and its worker answers."""
        if self.pid is None:
            return False
        try:
            self._worker, self.dropped_logs = self.runtime.worker()
        except (OSError, BalancerError):
            return False
        return True

    def start(self) -> None:
        """Raises BalancerError, with HAProxy's own words, when it does not come up."""
        self.stop()
        self.end_leftover()
        for name in (ADMIN_SOCKET, MASTER_SOCKET):
            (self.directory / name).unlink(missing_ok=True)
        haproxy = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if haproxy is None:
            raise BalancerError("haproxy is not installed: install the package haproxy (2.6 or later)")
        command = ["setpriv", "--pdeathsig", "TERM", "--", haproxy, "-W", "-S"]
        command += [f"unix@{MASTER_SOCKET},mode,600", "-f", CONFIG_FILE]
        self._process = self._spawner.submit(self._spawn, command).result()
        self._pid_file.write_text(f"{self._process.pid}\n")
        self._await_worker(previous=0)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log if self.requests_to is None else self.requests_to,
                stderr=log,
                # A terminal's Ctrl-C ends the local cloud, which then ends HAProxy in its own order.
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")},
            )

    def reload(self) -> None:
        """Reads the configuration anew; the old worker finishes its connections. Raises BalancerError."""
        if self._process is None or self._process.poll() is not None:
            self.start()
            return
        self._process.send_signal(signal.SIGUSR2)
        self._await_worker(previous=self._worker)

    def _await_worker(self, previous: int) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if self.alive() and self._worker != previous:
                return
            time.sleep(0.03)
        raise BalancerError(f"HAProxy does not run: {self.complaint()}")

    def complaint(self) -> str:
        """What HAProxy alerted last, for a person to read."""
        try:
            lines = self._log_file.read_text(errors="replace").splitlines()
        except OSError:
            return "no log"
        alerts = [line.partition(": ")[2] or line for line in lines[-50:] if line.startswith("[ALERT]")]
        return "; ".join(alerts[-3:]) or f"see {self._log_file}"

    def stop(self) -> None:
        """Ends master and workers at once; open connections are closed."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def end_leftover(self) -> None:
        """Ends a HAProxy that an earlier run left in this directory."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            if Path(f"/proc/{pid}/cwd").resolve() != self.directory.resolve():
                return
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 5
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.05)

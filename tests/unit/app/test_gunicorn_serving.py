"""gunicorn itself, with the product's configuration, on a loopback address of its own.

The routes that take long or show what gunicorn believes are made here; the product has none.
"""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[3] / "app"
ADDRESS = "127.91.7.1"
BOOT_DEADLINE = 20.0  # seconds
SLOW_SECONDS = 2.0

TEST_APPLICATION = f"""
import pathlib, time
from flask import Flask, request
from hello import create_app

def create() -> Flask:
    app = create_app()

    @app.get("/slow")
    def slow():
        pathlib.Path("slow.started").touch()
        time.sleep({SLOW_SECONDS})
        return "took its time"

    @app.get("/scheme")
    def scheme():
        return f"{{request.scheme}} {{request.script_root}}"

    return app
"""


@dataclass
class Server:
    """A running gunicorn, and the folder it runs in."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(ADDRESS, self.port, timeout=10)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        connection = self.connect()
        try:
            connection.request("GET", path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def stop(self) -> int:
        """Ask it to end, wait for it, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=45)

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + BOOT_DEADLINE
    while time.monotonic() < deadline:
        assert server.process.poll() is None, f"gunicorn ended while starting:\n{server.stderr()}"
        try:
            if server.get("/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"/healthz did not answer within {BOOT_DEADLINE} s:\n{server.stderr()}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "trial.py").write_text(TEST_APPLICATION)
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{APP}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "APP_BIND_ADDRESS": ADDRESS,
        "APP_PORT": str(port),
        "APP_RELEASE": "under-test",
    }
    command = [sys.executable, "-m", "gunicorn", "--config", str(APP / "gunicorn.conf.py"), "trial:create()"]
    with (tmp_path / "stdout").open("wb") as out, (tmp_path / "stderr").open("wb") as err:
        process = subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=out, stderr=err)
    running = Server(process, port, tmp_path)
    try:
        wait_until_healthy(running)
        yield running
        running.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)


def test_request_in_flight_completes_after_sigterm(server: Server) -> None:
    with ThreadPoolExecutor(max_workers=1) as clients:
        answer = clients.submit(server.get, "/slow")
        deadline = time.monotonic() + 10
        while not (server.folder / "slow.started").exists():
            assert time.monotonic() < deadline, "the slow request never reached the application"
            time.sleep(0.01)

        asked = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert answer.result(timeout=20) == (200, "took its time")
        assert server.process.wait(timeout=20) == 0
        took = time.monotonic() - asked

    assert took >= SLOW_SECONDS / 2, "it ended without waiting: the request was not in flight"
    assert took < 30, "it waited for the whole graceful time-out although nothing was left to do"
    with pytest.raises(ConnectionRefusedError):
        server.get("/")


def test_idle_connection_is_kept_longer_than_gunicorns_default(server: Server) -> None:
    connection = server.connect()
    try:
        for pause in (3.0, 0.0):  # the default would have closed it after 2 s
            connection.request("GET", "/")
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"Hello World!")
            assert not response.will_close
            used = connection.sock
            time.sleep(pause)
        assert connection.sock is used is not None
    finally:
        connection.close()


def test_access_log_is_on_stdout_without_passed_health_checks(server: Server) -> None:
    server.get("/healthz")
    server.get("/", {"X-Forwarded-For": "192.0.2.7", "X-Amzn-Trace-Id": "Root=1-2-3", "User-Agent": 'a"b'})
    server.get("/nowhere")
    assert server.stop() == 0
    lines = server.stdout().splitlines()
    assert len(lines) == 2, lines
    expected = r'"192\.0\.2\.7" "GET / HTTP/1\.1" 200 12 \d+ms "a\\"b" "Root=1-2-3"'
    assert re.fullmatch(expected, lines[0]), lines[0]
    assert '"GET /nowhere HTTP/1.1" 404' in lines[1]


def test_load_balancers_scheme_is_believed_and_nothing_else(server: Server) -> None:
    assert server.get("/scheme") == (200, "http ")
    assert server.get("/scheme", {"X-Forwarded-Proto": "https"}) == (200, "https ")
    hostile = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off", "SCRIPT_NAME": "/elsewhere"}
    assert server.get("/scheme", hostile) == (200, "https ")

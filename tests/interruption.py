"""Ends ansible-playbook with SIGKILL at an exact point: a line that it prints, or a request that it sends."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

from rehearsal.processes import Marker
from tests.cloud import PROJECT, TOOLS, Cloud, PlaybookRun

# Nothing that is awaited here takes longer, on a busy machine.
DEADLINE_SECONDS = 240


@dataclass(frozen=True)
class Line:
    """The moment at which the run prints a line that holds this text."""

    text: str

    def __str__(self) -> str:
        return f"line {self.text}"


@dataclass(frozen=True)
class Request:
    """The moment before the nth request of an action reaches AWS, or before its answer reaches the controller."""

    action: str
    nth: int = 1
    answered: bool = False

    def __str__(self) -> str:
        return f"{'answer to' if self.answered else 'request'} {self.action} {self.nth}"


class RunningPlaybook:
    """ansible-playbook in a process group of its own, its output read as it comes."""

    def __init__(
        self,
        cloud: Cloud,
        playbook: str,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        inventory: str = "inventories/local",
        endpoint: str = "",
    ) -> None:
        command = [str(TOOLS / "ansible-playbook"), playbook, "-i", inventory, *arguments]
        command += ["-e", json.dumps(variables or {})]
        self._lines: list[str] = []
        self._marker = Marker()
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=cloud.playbook_environment
            | ({"LOCALCLOUD_ENDPOINT": endpoint} if endpoint else {})
            | self._marker.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._timer = threading.Timer(DEADLINE_SECONDS, self.kill)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def read_until(self, text: str) -> None:
        """Read on until a line holds the text; a run that ends without it fails the test."""
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.append(line)
            if text in line:
                return
        raise AssertionError(f"{text!r} was never printed:\n{self.output}")

    def kill(self) -> None:
        """SIGKILL to every process of the run."""
        self._marker.kill()

    def finish(self) -> PlaybookRun:
        assert self._process.stdout
        self._lines += self._process.stdout.readlines()
        status = self._process.wait()
        self._timer.cancel()
        return PlaybookRun(status, self.output)


def kill_at(point: Line | Request, cloud: Cloud, playbook: str, *arguments: str, **more: Any) -> str:
    """Start a run and kill it at this point; what it had printed. A run that gets past the point fails the test."""
    if isinstance(point, Line):
        with RunningPlaybook(cloud, playbook, *arguments, **more) as run:
            run.read_until(point.text)
        outcome = run.finish()
    else:
        started = threading.Event()
        holder: list[RunningPlaybook] = []

        def kill() -> None:
            started.wait()
            holder[0].kill()

        with _tap(cloud.port, point, kill) as endpoint:
            run = RunningPlaybook(cloud, playbook, *arguments, endpoint=endpoint, **more)
            holder.append(run)
            started.set()
            with run:
                outcome = run.finish()
    assert outcome.status == -signal.SIGKILL, f"The run never came to: {point}\n{outcome.output}"
    return outcome.output


@contextmanager
def _tap(port: int, point: Request, strike: Callable[[], None]) -> Iterator[str]:
    """An endpoint that passes everything on to the cloud, and strikes at the point."""
    count = 0
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            nonlocal count
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                count += _action(self.headers, body) == point.action
                hit = count == point.nth and _action(self.headers, body) == point.action
            if hit and not point.answered:
                strike()
                return
            upstream = http.client.HTTPConnection("127.0.0.1", port)
            # The Host header is signed, so it goes on unchanged, like all the others.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            if hit:
                strike()
                return
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

        def log_message(self, format: str, *arguments: Any) -> None:
            """The tests' output is no access log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _action(headers: Message, body: bytes) -> str:
    """The API action: named by the target header, or in the form of the query protocols."""
    target = headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]

"""The container engine, through the HTTP interface that Podman and Docker have in common.

Reference: Docker Engine API v1.40, which Podman serves as its compatible API. Every call names the engine's socket
and nothing else, so that it does not matter which of the two answers.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

from localcloud.machines.errors import EngineError

API = "/v1.40"
ANSWER_DEADLINE = 30.0
"""Seconds within which an engine must answer anything that neither stops a container nor takes in an image."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True)
class ContainerSpec:
    """A container on the host's network. `memory` in bytes, `cpus` as a number of processors; 0: no limit."""

    name: str
    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    binds: Sequence[str] = ()
    cpus: float = 0
    memory: int = 0
    hostname: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Names of resource limits (`nofile`, `nproc`) → soft and hard limit."""


class Engine:
    """A Podman or Docker that listens on a Unix socket."""

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout: float = ANSWER_DEADLINE,
    ) -> Any:
        """The decoded answer; a file object as `body` is streamed. Raises EngineError."""
        target = f"{API}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {}
        if body is not None and not hasattr(body, "read"):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        elif body is not None:
            headers["Content-Type"] = "application/x-tar"
        connection = _Connection(self.socket_path, timeout)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"the container engine does not answer on {self.socket_path}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise EngineError(_message(data) or f"{method} {path}: status {response.status}", response.status)
        try:
            return json.loads(data) if data else None
        except ValueError:
            return data.decode(errors="replace")

    def version(self) -> str:
        """Raises EngineError when nobody answers."""
        return str(self.request("GET", "/version")["Version"])

    # --- containers ---------------------------------------------------------------------------------------

    def start(self, spec: ContainerSpec) -> str:
        """Creates and starts a container; its id."""
        created = self.request(
            "POST",
            "/containers/create",
            {"name": spec.name},
            {
                "Image": spec.image,
                "Env": [f"{key}={value}" for key, value in spec.environment.items()],
                "Labels": dict(spec.labels),
                "Hostname": spec.hostname,
                "HostConfig": {
                    "NetworkMode": "host",
                    "Binds": list(spec.binds),
                    "NanoCpus": int(spec.cpus * 1e9),
                    "Memory": spec.memory,
                    "RestartPolicy": {"Name": "no"},
                    "Ulimits": [{"Name": name, "Soft": hard, "Hard": hard} for name, hard in spec.limits.items()],
                },
            },
        )
        container = str(created["Id"])
        self.request("POST", f"/containers/{container}/start")
        return container

    def containers(self, label: str, *, everything: bool = True) -> list[dict[str, Any]]:
        """Containers with a label (`key` or `key=value`), also those that ended unless `everything` is False."""
        filters = json.dumps({"label": [label]})
        found: list[dict[str, Any]] = self.request(
            "GET", "/containers/json", {"all": str(everything).lower(), "filters": filters}
        )
        return found

    def stop(self, container: str, seconds: int) -> None:
        """SIGTERM, and SIGKILL after `seconds`; no error when it has ended already."""
        self._unless_absent("POST", f"/containers/{container}/stop", {"t": seconds}, timeout=seconds + 15)

    def remove(self, container: str) -> None:
        """At once, running or not; no error when there is none."""
        self._unless_absent("DELETE", f"/containers/{container}", {"force": "true", "v": "true"}, timeout=60)

    def _unless_absent(self, method: str, path: str, query: Mapping[str, Any], timeout: float) -> None:
        try:
            self.request(method, path, query, timeout=timeout)
        except EngineError as error:
            if error.status not in (304, 404, 409):
                raise

    # --- images -------------------------------------------------------------------------------------------

    def has_image(self, reference: str) -> bool:
        try:
            self.request("GET", f"/images/{quote(reference, safe='')}/json")
        except EngineError as error:
            if error.status == 404:
                return False
            raise
        return True

    def import_image(self, root_file_system: BinaryIO, reference: str, changes: Sequence[str]) -> None:
        """Makes an image of one layer from a tar archive; `changes` are Dockerfile instructions."""
        # Podman knows no parameter for the tag; both take it as a part of the name.
        query = [("fromSrc", "-"), ("repo", reference), *(("changes", change) for change in changes)]
        self.request("POST", f"/images/create?{urlencode(query)}", body=root_file_system, timeout=300)

    def build_image(self, context: BinaryIO, reference: str) -> None:
        """Builds from a tar archive with a Dockerfile in it. Raises EngineError when there is no image afterwards."""
        query = {"t": reference, "dockerfile": "Dockerfile", "networkmode": "host", "q": "false"}
        told = self.request("POST", "/build", query, body=context, timeout=300)
        if not self.has_image(reference):
            raise EngineError(f"{reference} could not be built: {str(told)[-300:]}")

    def images(self) -> list[dict[str, Any]]:
        """Named ones, and unnamed ones that no other image is built on."""
        found: list[dict[str, Any]] = self.request("GET", "/images/json")
        return found

    def remove_image(self, reference: str) -> bool:
        """Takes a name away, or removes an image with its unnamed parents; False when something uses it."""
        try:
            self.request("DELETE", f"/images/{quote(reference, safe='')}", timeout=60)
        except EngineError as error:
            if error.status not in (404, 409, 500):
                raise
            # 500 is Podman's word for an image in use.
            return False
        return True

    def tag_image(self, reference: str, other: str) -> None:
        repository, _, tag = other.rpartition(":")
        self.request("POST", f"/images/{quote(reference, safe='')}/tag", {"repo": repository, "tag": tag})


def _message(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return str(answer.get("message", ""))
    except (ValueError, AttributeError):
        return body.decode(errors="replace").strip()

"""The instance metadata service: one listener per instance, on the instance's own address.

Reference: EC2 User Guide, "Use IMDS to access instance metadata" and "Instance metadata categories". Version 2
only: without a session token nothing is told. Reached through AWS_EC2_METADATA_SERVICE_ENDPOINT.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localcloud.desired import MachineSpec, RoleCredentials
from localcloud.machines.images import architecture

log = logging.getLogger(__name__)

PORT = 1338
"""Not 80, which needs privileges that nothing else here needs."""
LONGEST_TOKEN_SECONDS = 21600
SESSION_HEADER = "X-aws-ec2-metadata-token"


CredentialsOf = Callable[[MachineSpec], RoleCredentials | None]


def endpoint(address: str) -> str:
    return f"http://{address}:{PORT}"


class MetadataService:
    """The listeners of all instances."""

    def __init__(self, credentials_of: CredentialsOf) -> None:
        self._credentials_of = credentials_of
        self._listeners: dict[str, _Listener] = {}
        self._lock = threading.Lock()

    def add(self, spec: MachineSpec) -> None:
        with self._lock:
            if spec.instance_id not in self._listeners:
                self._listeners[spec.instance_id] = _Listener(spec, self._credentials_of)

    def remove(self, instance_id: str) -> None:
        with self._lock:
            listener = self._listeners.pop(instance_id, None)
        if listener:
            listener.end()

    def close(self) -> None:
        for instance_id in list(self._listeners):
            self.remove(instance_id)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, spec: MachineSpec, credentials_of: CredentialsOf) -> None:
        self.document = Metadata(spec, credentials_of)
        super().__init__((spec.private_address, PORT), _Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 5}, name=f"metadata-{spec.instance_id}", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        # Closing alone would leave it listening for as long as the other thread waits on it.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("metadata request failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Listener

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/latest/api/token":
            self._send(404)
            return
        ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not ttl.isdigit() or not 1 <= int(ttl) <= LONGEST_TOKEN_SECONDS:
            self._send(400)
            return
        self._send(200, self.server.document.issue_token(int(ttl)), {"X-aws-ec2-metadata-token-ttl-seconds": ttl})

    def do_GET(self) -> None:
        if not self.server.document.knows_token(self.headers.get(SESSION_HEADER, "")):
            self._send(401)
            return
        answer = self.server.document.get(self.path)
        if answer is None:
            self._send(404)
        else:
            self._send(200, answer)

    def _send(self, status: int, body: str | bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: what is asked for here is nobody's business."""


class Metadata:
    """What one instance is told about itself."""

    def __init__(self, spec: MachineSpec, credentials_of: CredentialsOf) -> None:
        self._spec = spec
        self._credentials_of = credentials_of
        self._tokens: dict[str, float] = {}
        self._launched = datetime.now(UTC)

    def issue_token(self, seconds: int) -> str:
        now = time.monotonic()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        token = secrets.token_urlsafe(40)
        self._tokens[token] = now + seconds
        return token

    def knows_token(self, token: str) -> bool:
        return self._tokens.get(token, 0.0) > time.monotonic()

    def get(self, path: str) -> str | bytes | None:
        """None: there is no such item. A path that ends in a slash, or is a category, lists its items."""
        node: Any = self._tree()
        parts = [part for part in path.split("/") if part]
        for part in parts:
            node = node.get(part) if isinstance(node, dict) else None
            if node is None:
                return None
        if isinstance(node, dict):
            return "\n".join(name + ("/" if isinstance(item, dict) else "") for name, item in sorted(node.items()))
        answer: str | bytes | None = node() if callable(node) else node
        return answer

    def _tree(self) -> dict[str, Any]:
        spec = self._spec
        hostname = f"ip-{spec.private_address.replace('.', '-')}.ec2.internal"
        meta: dict[str, Any] = {
            "ami-id": spec.image_id,
            "hostname": hostname,
            "instance-id": spec.instance_id,
            "instance-life-cycle": "on-demand",
            "instance-type": spec.instance_type,
            "local-hostname": hostname,
            "local-ipv4": spec.private_address,
            "placement": {"availability-zone": spec.zone, "region": spec.region},
        }
        if spec.role_name:
            meta["iam"] = {"info": self._role, "security-credentials": {spec.role_name: self._credentials}}
        latest: dict[str, Any] = {
            "meta-data": meta,
            "dynamic": {"instance-identity": {"document": self._identity}},
        }
        if spec.user_data:
            latest["user-data"] = spec.user_data
        return {"latest": latest}

    def _identity(self) -> str:
        spec = self._spec
        return json.dumps(
            {
                "accountId": spec.account,
                "architecture": architecture(),
                "availabilityZone": spec.zone,
                "imageId": spec.image_id,
                "instanceId": spec.instance_id,
                "instanceType": spec.instance_type,
                "pendingTime": self._launched.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "privateIp": spec.private_address,
                "region": spec.region,
                "version": "2017-09-30",
            },
            indent=2,
        )

    def _role(self) -> str:
        arn = f"arn:aws:iam::{self._spec.account}:instance-profile/{self._spec.role_name}"
        return json.dumps({"Code": "Success", "LastUpdated": _now(), "InstanceProfileArn": arn}, indent=2)

    def _credentials(self) -> str:
        found = self._credentials_of(self._spec)
        if found is None:
            message = f"EC2 cannot assume the role {self._spec.role_name}."
            return json.dumps({"Code": "AssumeRoleUnauthorizedAccess", "Message": message, "LastUpdated": _now()})
        return json.dumps(
            {
                "Code": "Success",
                "LastUpdated": _now(),
                "Type": "AWS-HMAC",
                "AccessKeyId": found.access_key_id,
                "SecretAccessKey": found.secret_access_key,
                "Token": found.session_token,
                "Expiration": datetime.fromtimestamp(found.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            indent=2,
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Action: ask the application as a client that verifies, until it answers as it should."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import Any

from ansible.plugins.action import ActionBase

PAUSE_SECONDS = 1.0
REQUEST_SECONDS = 10.0
# Longer than a refusal takes, and short enough to wait for where packets to port 80 are dropped.
CONNECT_SECONDS = 3.0


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Options: C(hostname); C(certificate_pem), the only certificate to trust (empty: those of this machine);
    C(path) with C(expected_text); C(image_digest) that /version must report; C(timeout) in seconds.

    Fails with what was seen last, or when anything answers on port 80. Changes nothing.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(
            argument_spec={
                "hostname": {"type": "str", "required": True},
                "certificate_pem": {"type": "str", "default": ""},
                "path": {"type": "str", "required": True},
                "expected_text": {"type": "str", "required": True},
                "image_digest": {"type": "str", "required": True},
                "timeout": {"type": "int", "required": True},
            }
        )
        deadline = time.monotonic() + options["timeout"]
        while True:
            fault = self._fault(options)
            if not fault or time.monotonic() >= deadline:
                break
            time.sleep(PAUSE_SECONDS)
        if fault:
            result["msg"] = f"{fault} This lasted for {options['timeout']} seconds (smoke_test_timeout_seconds)."
        elif _connects(options["hostname"], 80):
            fault = f"Something answers on port 80 of {options['hostname']}; only HTTPS may."
            result["msg"] = fault
        result["failed"] = bool(fault)
        return result

    def _fault(self, options: dict[str, Any]) -> str:
        """What is not as it should be, as a sentence; empty where all is well."""
        hostname = options["hostname"]
        try:
            page = _get(hostname, options["path"], options["certificate_pem"])
            version = _get(hostname, "/version", options["certificate_pem"])
        except (OSError, http.client.HTTPException) as error:
            return f"https://{hostname}/ does not answer: {error}."
        if page[0] != http.client.OK or options["expected_text"] not in page[1]:
            return (
                f"https://{hostname}{options['path']} answers {page[0]}, and "
                f"{options['expected_text']!r} is not in it: {page[1][:200]!r}."
            )
        try:
            digest = json.loads(version[1])["image_digest"]
        except (ValueError, KeyError, TypeError):
            return f"https://{hostname}/version answers {version[0]} and no release: {version[1][:200]!r}."
        if digest != options["image_digest"]:
            return f"https://{hostname}/version reports {digest}, and {options['image_digest']} was deployed."
        return ""


def _get(hostname: str, path: str, certificate_pem: str) -> tuple[int, str]:
    context = ssl.create_default_context(cadata=certificate_pem or None)
    # A self-signed certificate is its own trust anchor.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    connection = http.client.HTTPSConnection(hostname, timeout=REQUEST_SECONDS, context=context)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def _connects(hostname: str, port: int) -> bool:
    try:
        socket.create_connection((hostname, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True

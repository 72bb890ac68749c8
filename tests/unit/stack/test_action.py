"""The action plugin under a real ansible-playbook, against an endpoint that only knows one answer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from conftest import ROLE

NO_STACK = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
    b"<Message>Stack with id demo does not exist</Message></Error></ErrorResponse>"
)
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  connection: local
  environment:
    AWS_ENDPOINT_URL: "{{ endpoint }}"
    AWS_ACCESS_KEY_ID: "000000000000"
    AWS_SECRET_ACCESS_KEY: dummy
    AWS_REGION: eu-north-1
  tasks:
    - name: Plan the demo
      cloudformation_stack:
        name: demo
        template_body: |
          Parameters: {Secret: {Type: String, NoEcho: true}, VpcId: {Type: String}}
          Resources: {Topic: {Type: AWS::SNS::Topic}}
        parameters:
          Secret: hunter2hunter2
          VpcId: known after apply
      register: result
    - name: Show what a caller gets
      ansible.builtin.debug:
        msg: "calls={{ result.api_calls }} exists={{ result.exists }} outputs={{ result.outputs }}"
"""


class Endpoint(BaseHTTPRequestHandler):
    """Says of every stack that it does not exist, and remembers who asked."""

    seen: list[tuple[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.seen.append((parse_qs(body)["Action"][0], self.headers.get("Authorization", "")))
        self.send_response(400)
        self.send_header("Content-Length", str(len(NO_STACK)))
        self.end_headers()
        self.wfile.write(NO_STACK)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    seen: list[tuple[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Endpoint,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def play(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "play.yml").write_text(PLAYBOOK)
    settings = folder / "ansible.cfg"
    settings.write_text("[defaults]\nlocalhost_warning = false\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ANSIBLE_"))}
    environment |= {
        "ANSIBLE_CONFIG": str(settings),
        "ANSIBLE_ACTION_PLUGINS": str(ROLE / "action_plugins"),
        "ANSIBLE_LIBRARY": str(ROLE / "library"),
        "HOME": str(folder),
        # What must have no say beside the play's own keys.
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_CLOUDFORMATION": "http://127.0.0.1:1",
    }
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-e", f"endpoint={url}", "play.yml", *more],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_plans_with_the_credentials_of_the_play(tmp_path: Path, endpoint: tuple[str, list[tuple[str, str]]]) -> None:
    url, seen = endpoint
    result = play(tmp_path, url, "--check", "--diff")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "demo: 1 to add" in result.stdout
    assert "  + Topic  AWS::SNS::Topic" in result.stdout
    assert "  VpcId: known after apply" in result.stdout
    assert "calls=1 exists=False outputs={}" in result.stdout
    assert [action for action, _ in seen] == ["DescribeStacks"]
    assert "Credential=000000000000/" in seen[0][1]
    assert "/eu-north-1/cloudformation/" in seen[0][1]
    assert "hunter2" not in result.stdout + result.stderr
    assert "\x1b" not in result.stdout


def test_an_input_that_is_not_known_cannot_be_applied(
    tmp_path: Path, endpoint: tuple[str, list[tuple[str, str]]]
) -> None:
    url, seen = endpoint
    result = play(tmp_path, url)
    assert result.returncode != 0
    assert "VpcId is 'known after apply': apply the stack it comes from first." in result.stdout + result.stderr
    assert seen == []

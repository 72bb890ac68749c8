"""Nothing that the caller's environment holds leads a rehearsal to AWS: whichever way an account could be named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal import environment

TOOLS = Path(sys.executable).parent
ACCOUNT, REGION = "222222222222", "eu-west-1"
SERVICES = ("cloudformation", "autoscaling", "elbv2", "ec2", "ecr", "sts", "s3", "acm", "dynamodb", "ssm")

# In a process of its own, as everything of a rehearsal is; what boto3 would do is asked of boto3.
PROBE = f"""
import boto3, json
session = boto3.Session()
credentials = session.get_credentials()
print(json.dumps({{
    "endpoints": {{name: session.client(name).meta.endpoint_url for name in {SERVICES!r}}},
    "key": credentials.access_key, "token": credentials.token, "method": credentials.method,
    "region": session.region_name, "profile": session.profile_name,
}}))
session.client("sts").get_caller_identity()
"""


@dataclass
class Listener:
    """An HTTP server that takes anything and answers as STS does."""

    url: str
    authorizations: list[str] = field(default_factory=list)


@pytest.fixture
def listeners() -> Iterator[tuple[Listener, Listener]]:
    """(where requests must go, where they must never go)."""
    servers, made = [], []
    for _ in range(2):
        listener = Listener("")

        class Handler(BaseHTTPRequestHandler):
            heard = listener.authorizations

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.heard.append(self.headers.get("Authorization", ""))
                answer = b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>"
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_CONNECT = do_POST

            def log_message(self, format: str, *arguments: object) -> None:
                """The list is the log."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        listener.url = f"http://127.0.0.1:{server.server_port}"
        servers.append(server)
        made.append(listener)
    yield made[0], made[1]
    for server in servers:
        server.shutdown()
        server.server_close()


def hostile(directory: Path, elsewhere: str) -> dict[str, str]:
    """Every way into an account that the SDKs document, all at once; what runs a command leaves a file behind."""
    home = directory / "hostile-home"
    (home / ".aws").mkdir(parents=True)
    trap = f"touch {directory / 'trap'}; echo '{{}}'"
    profile = f"""
region = us-west-2
endpoint_url = {elsewhere}
services = theirs
credential_process = sh -c "{trap}"
"""
    (home / ".aws" / "config").write_text(
        f"[default]{profile}[profile production]{profile}[services theirs]\nsts =\n  endpoint_url = {elsewhere}\n"
    )
    (home / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
        "[production]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
    )
    (home / ".boto").write_text("[Credentials]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
    (home / ".ansible.cfg").write_text("[defaults]\ninventory = /nowhere\n")
    names = ["ANSIBLE_CONFIG", "ANSIBLE_INVENTORY", "ANSIBLE_STDOUT_CALLBACK", "BOTO_CONFIG", "PYTHONPATH"]
    services = [service.upper() for service in (*SERVICES, "elastic_load_balancing_v2", "elastic_load_balancing")]
    return {
        **dict.fromkeys(names, "/nowhere"),
        **{f"AWS_ENDPOINT_URL_{name}": elsewhere for name in services},
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ENDPOINT_URL": elsewhere,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_PROFILE": "production",
        "AWS_DEFAULT_PROFILE": "production",
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_SECURITY_TOKEN": "real",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ROLE_ARN": "arn:aws:iam::333333333333:role/real",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(home / "token"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{elsewhere}/container",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "real",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": elsewhere,
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
        "AWS_CA_BUNDLE": "/nowhere",
        "AWS_DATA_PATH": str(home),
        "HTTP_PROXY": elsewhere,
        "HTTPS_PROXY": elsewhere,
        "http_proxy": elsewhere,
        "NO_PROXY": "",
        "LOCALCLOUD_ENDPOINT": elsewhere,
    }


def test_boto3_goes_to_the_local_cloud_with_a_key_of_no_account(
    tmp_path: Path, listeners: tuple[Listener, Listener]
) -> None:
    ours, elsewhere = listeners
    clean = environment.clean(tmp_path, ours.url, ACCOUNT, REGION, hostile(tmp_path, elsewhere.url))
    asked = subprocess.run([sys.executable, "-c", PROBE], env=clean, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout)
    assert set(found["endpoints"].values()) == {ours.url}
    assert (found["key"], found["token"], found["method"]) == (ACCOUNT, None, "env")
    assert (found["region"], found["profile"]) == (REGION, "default")
    assert len(ours.authorizations) == 1
    assert elsewhere.authorizations == []
    assert not (tmp_path / "trap").exists()


def test_the_command_line_goes_there_too(tmp_path: Path, listeners: tuple[Listener, Listener]) -> None:
    ours, elsewhere = listeners
    clean = environment.clean(tmp_path, ours.url, ACCOUNT, REGION, hostile(tmp_path, elsewhere.url))
    command = [str(TOOLS / "aws"), "sts", "get-caller-identity"]
    asked = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    assert f"Credential={ACCOUNT}/" in ours.authorizations[0]
    assert f"/{REGION}/" in ours.authorizations[0]
    assert elsewhere.authorizations == []
    assert not (tmp_path / "trap").exists()


def test_the_variables_are_hostile(tmp_path: Path, listeners: tuple[Listener, Listener]) -> None:
    """Without the clean environment the same question goes elsewhere: the tests above could fail."""
    ours, elsewhere = listeners
    caller = hostile(tmp_path, elsewhere.url)
    for name in ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_CA_BUNDLE", "PYTHONPATH"):
        del caller[name]
    asked = subprocess.run([sys.executable, "-c", PROBE], env=caller, capture_output=True, text=True, check=False)
    assert ours.authorizations == []
    assert elsewhere.authorizations, asked.stderr


def test_a_variable_that_nobody_knows_yet_is_left_out(tmp_path: Path) -> None:
    clean = environment.clean(tmp_path, "http://127.0.0.1:1", ACCOUNT, REGION, {"AWS_NEW_WAY_IN": "x", "PATH": "/bin"})
    assert "AWS_NEW_WAY_IN" not in clean
    assert clean["PATH"] == "/bin"
    assert clean["HOME"] == str(tmp_path)


def test_a_process_that_has_entered_it_knows_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"AWS_PROFILE": "production"})
    environment.enter({"PATH": "/bin"})
    assert dict(os.environ) == {"PATH": "/bin"}

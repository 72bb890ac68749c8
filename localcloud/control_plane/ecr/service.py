"""ECR as a registry that can really be logged into, pushed to and pulled from, by those whom IAM lets.

MiniStack serves the registry protocol; here it gets an address that resolves, tokens that are checked, and the
permissions of whoever asked for the token. Reference: ECR User Guide, "Private registry authentication".
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.iam_evaluator import AuthError, EvalContext, evaluate, resolve_principal
from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.core.router import extract_access_key_id
from ministack.services import ecr

from localcloud import ministack_seam as seam
from localcloud.control_plane.ecr import other_accounts
from localcloud.settings import Settings
from localcloud.wire import Response

TOKEN_SECONDS = 12 * 3600
_READ = {"manifest": "ecr:BatchGetImage", "blob": "ecr:GetDownloadUrlForLayer", "tags_list": "ecr:ListImages"}
_WRITE = {
    "manifest": "ecr:PutImage",
    "blob": "ecr:BatchDeleteImage",
    "blob_uploads": "ecr:InitiateLayerUpload",
    "blob_upload_session": "ecr:UploadLayerPart",
}


@dataclass(frozen=True)
class _Token:
    access_key_id: str
    account: str
    region: str
    expires: float


class Registry:
    """Tokens and who they were given to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()

    def issue(self, access_key_id: str) -> dict[str, Any]:
        """An answer of GetAuthorizationToken."""
        now = time.time()
        password = secrets.token_urlsafe(48)
        with self._lock:
            self._tokens = {key: token for key, token in self._tokens.items() if token.expires > now}
            self._tokens[password] = _Token(access_key_id, get_account_id(), get_region(), now + TOKEN_SECONDS)
        return {
            "authorizationData": [
                {
                    "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
                    "expiresAt": int(now + TOKEN_SECONDS),
                    "proxyEndpoint": self._settings.endpoint,
                }
            ]
        }

    def admit(self, method: str, path: str, headers: Mapping[str, str]) -> Response | None:
        """None when the request may go on, in the account and region that its token belongs to."""
        token = self._token(headers.get("authorization", ""))
        if token is None:
            return self._unauthorised()
        set_request_account_id(token.account)
        set_request_region(token.region)
        parsed = ecr._parse_v2_path(path)
        if parsed is None or parsed[0] == "ping":
            return None
        verb, repository, _ = parsed
        reading = method in ("GET", "HEAD")
        action = (_READ if reading else _WRITE).get(verb, "ecr:DescribeRepositories" if reading else "ecr:PutImage")
        if (method, verb) == ("HEAD", "blob"):
            action = "ecr:BatchCheckLayerAvailability"
        arn = f"arn:aws:ecr:{token.region}:{token.account}:repository/{repository}"
        principal = resolve_principal(token.access_key_id, token.account)
        if isinstance(principal, AuthError):
            return self._unauthorised()
        if principal.policies is not None:
            context = EvalContext(principal.arn, principal.type, principal.account, action, arn, token.region)
            if evaluate(context, principal.policies, *principal.limits).decision != "Allow":
                message = f"User: {principal.arn} is not authorized to perform: {action} on resource: {arn}"
                return _refusal(403, "DENIED", message)
        return None

    def _token(self, header: str) -> _Token | None:
        kind, _, encoded = header.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        with self._lock:
            token = self._tokens.get(password)
        valid = kind.lower() == "basic" and user == "AWS" and token is not None and token.expires > time.time()
        return token if valid else None

    def _unauthorised(self) -> Response:
        status, headers, body = _refusal(401, "UNAUTHORIZED", "Your authorization token is missing or has expired.")
        realm = f'Basic realm="{self._settings.endpoint}/",service="ecr.amazonaws.com"'
        return status, headers | {"WWW-Authenticate": realm}, body


def _refusal(status: int, code: str, message: str) -> Response:
    headers = {"Content-Type": "application/json", "Docker-Distribution-API-Version": "registry/2.0"}
    return status, headers, json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def _missing_image(headers: Mapping[str, str], request: bytes, answer: Response) -> Response:
    """DescribeImages names an image that is not there; MiniStack answers with an empty list.

    Reference: ECR API, DescribeImages, ImageNotFoundException.
    """
    status, _, body = answer
    if not headers.get("x-amz-target", "").endswith(".DescribeImages") or status != 200:
        return answer
    asked = json.loads(request or b"{}")
    if len(json.loads(body)["imageDetails"]) == len(asked.get("imageIds") or json.loads(body)["imageDetails"]):
        return answer
    message = f"An image that was asked for does not exist within the repository '{asked.get('repositoryName')}'"
    error = {"__type": "ImageNotFoundException", "message": message}
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(error).encode()


def install(settings: Settings) -> None:
    """Makes MiniStack's ECR the registry on our own address."""
    registry = Registry(settings)
    serve_api, serve_registry = ecr.handle_request, ecr.handle_registry_request

    async def handle_request(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
    ) -> Any:
        operation, key = (
            headers.get("x-amz-target", "").rpartition(".")[2],
            extract_access_key_id(headers, query_params),
        )
        if operation == "GetAuthorizationToken":
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(registry.issue(key)).encode()
        refused = other_accounts.enter(key, operation, json.loads(body or b"{}"))
        if refused:
            return refused
        return _missing_image(headers, body, await serve_api(method, path, headers, body, query_params))

    async def handle_registry_request(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
    ) -> Any:
        refused = registry.admit(method, path, headers)
        return refused or await serve_registry(method, path, headers, body, query_params)

    ecr._repo_uri = lambda name: f"{settings.registry_host}/{name}"
    ecr.handle_registry_request = handle_registry_request
    seam.replace_service("ecr", handle_request)

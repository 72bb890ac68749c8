"""Server side of the protocols that CloudWatch speaks beside the query protocol: Smithy RPC v2 CBOR, and AWS JSON 1.0.

Which of the three an SDK takes depends on its version. All carry the same parameters, which are held to the constraints
of botocore's model whichever way they came. References: "Smithy RPC v2 CBOR protocol", "AWS JSON 1.0
protocol" and "awsQueryCompatible trait" of the Smithy documentation.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.model import ListShape, MapShape, Shape, StructureShape  # type: ignore[import-untyped, unused-ignore]

from localcloud.constraints import conform
from localcloud.wire import AwsError, QueryService, Response, form_fields, parse

log = logging.getLogger(__name__)

CBOR_HEADERS = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}
EPOCH_TAG = 1
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""Numbers for which JSON has only text."""


class RpcService(QueryService):
    """A query service whose clients may speak CBOR or JSON as well."""

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
    ) -> Response:
        operation = _rpc_operation(path, headers)
        if operation is None:
            return await super().handle_request(method, path, headers, body, query_params)
        await asyncio.sleep(0)
        return self._respond(operation, body, _is_cbor(headers))

    def read(
        self, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """(operation, parameters) of a request, of which only IAM wants to know. Raises `AwsError`."""
        operation = _rpc_operation(path, headers)
        if operation is None:
            return parse(self.model, form_fields(body, query_params))
        return operation, self._parameters(self._input_shape(operation), body, _is_cbor(headers))

    def call(self, operation: str, values: dict[str, Any]) -> dict[str, Any] | None:
        shape = self.model.operation_model(operation).input_shape
        if shape is not None:
            conform(shape, values)
        return super().call(operation, values)

    def _respond(self, operation: str, body: bytes, cbor: bool) -> Response:
        headers = {**(CBOR_HEADERS if cbor else JSON_HEADERS), "x-amzn-RequestId": str(uuid.uuid4())}
        try:
            values = self._parameters(self._input_shape(operation), body, cbor)
            outcome, shape = self.call(operation, values) or {}, self.model.operation_model(operation).output_shape
            result = plain(shape, outcome, cbor) if shape else {}
        except AwsError as failure:
            return _failed(failure, headers, cbor)
        except Exception:
            log.exception("%s:%s failed", self.model.service_name, operation)
            internal = AwsError("InternalFailure", "localcloud failed; its log has the cause", 500)
            return _failed(internal, headers, cbor)
        return 200, headers, _encoded(result, cbor)

    def _input_shape(self, operation: str) -> StructureShape | None:
        if operation not in self.model.operation_names:
            raise AwsError("InvalidAction", f"Could not find operation {operation}")
        return self.model.operation_model(operation).input_shape

    def _parameters(self, shape: StructureShape | None, body: bytes, cbor: bool) -> dict[str, Any]:
        try:
            sent = (cbor2.loads(body) if cbor else json.loads(body)) if body else {}
        except ValueError as error:
            raise AwsError("SerializationException", f"the body cannot be read: {error}") from error
        return {} if shape is None else dict(_typed(shape, sent))


def _is_cbor(headers: Mapping[str, str]) -> bool:
    return headers.get("smithy-protocol") == "rpc-v2-cbor"


def _rpc_operation(path: str, headers: Mapping[str, str]) -> str | None:
    """None: the request is one of the query protocol."""
    if _is_cbor(headers):
        return path.rpartition("/")[2]
    return headers["x-amz-target"].rpartition(".")[2] if "x-amz-target" in headers else None


def _failed(failure: AwsError, headers: dict[str, str], cbor: bool) -> Response:
    kind = "Sender" if failure.status < 500 else "Receiver"
    headers["x-amzn-query-error"] = f"{failure.code};{kind}"
    return failure.status, headers, _encoded({"__type": failure.code, "message": failure.message}, cbor)


def _encoded(value: Any, cbor: bool) -> bytes:
    return cbor2.dumps(value) if cbor else json.dumps(value).encode()


def _typed(shape: Shape, value: Any) -> Any:
    """What was sent, with moments as such and without what is null."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {
            name: _typed(members[name], item) if name in members else item
            for name, item in value.items()
            if item is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _typed(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if shape.type_name in ("float", "double") and value in NOT_FINITE:
        return float(value)
    return value


def plain(shape: Shape, value: Any, cbor: bool) -> Any:
    """A result as CBOR or JSON has it. Members that are None are left out, unknown ones raise KeyError."""
    if isinstance(shape, StructureShape):
        return {name: plain(shape.members[name], item, cbor) for name, item in value.items() if item is not None}
    if isinstance(shape, ListShape):
        return [plain(shape.member, item, cbor) for item in value]
    if isinstance(shape, MapShape):
        return {key: plain(shape.value, item, cbor) for key, item in value.items()}
    if shape.type_name == "timestamp":
        moment = float(value.timestamp() if isinstance(value, datetime) else value)
        return cbor2.CBORTag(EPOCH_TAG, moment) if cbor else moment
    if shape.type_name in ("float", "double"):
        return float(value)
    return value

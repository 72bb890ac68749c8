"""Server side of the AWS query protocol: requests in, responses out, driven by botocore's own service models.

What a client may send and what it can read is exactly what the model says; a parameter that the model does not know
is refused instead of dropped. Reference: "AWS Query protocol" of the Smithy documentation.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session  # type: ignore[import-untyped, unused-ignore]
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape  # type: ignore[import-untyped, unused-ignore]
from botocore.validate import ParamValidator  # type: ignore[import-untyped, unused-ignore]

log = logging.getLogger(__name__)

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], dict[str, Any] | None]


class AwsError(Exception):
    """An error as the client shall see it: `code` as in the API reference, HTTP status 400 or 500."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@functools.cache
def service_model(name: str) -> ServiceModel:
    """The installed botocore's model of a service, such as `autoscaling`."""
    return botocore.session.Session().get_service_model(name)


# --- requests ---------------------------------------------------------------------------------------------


def parse(model: ServiceModel, fields: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """(operation, parameters) of a request's form fields.

    Raises `AwsError`: InvalidAction for an unknown operation, ValidationError for parameters that the model does not
    know, does not allow or misses.
    """
    action = fields.get("Action", "")
    if action not in model.operation_names:
        raise AwsError("InvalidAction", f"Could not find operation {action} for version {model.api_version}")
    shape = model.operation_model(action).input_shape
    sent = tree({key: value for key, value in fields.items() if key not in ("Action", "Version")})
    if shape is None:
        return action, {}
    values = _value(shape, sent, "")
    if not isinstance(values, dict):
        raise AwsError("ValidationError", f"{action} was sent without parameters")
    report = ParamValidator().validate(values, shape)
    if report.has_errors():
        raise AwsError("ValidationError", f"1 validation error detected: {report.generate_report()}")
    return action, values


def tree(fields: Mapping[str, str], code: str = "ValidationError") -> dict[str, Any]:
    """{"A.B.member.1": x} → {"A": {"B": {"member": {"1": x}}}}. Raises `AwsError` with `code`."""
    root: dict[str, Any] = {}
    for key, value in fields.items():
        *path, last = key.split(".")
        node = root
        for part in path:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise AwsError(code, f"{key} contradicts another parameter")
            node = child
        node[last] = value
    return root


def _value(shape: Shape, node: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(node, dict):
            raise AwsError("ValidationError", f"{path} must be a structure")
        known = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        unknown = sorted(set(node) - set(known))
        if unknown:
            names = ", ".join(f"{path}.{name}".lstrip(".") for name in unknown)
            raise AwsError("ValidationError", f"localcloud does not support {names}: its AWS model does not know it")
        return {
            name: _value(member, node[wire], f"{path}.{wire}".lstrip("."))
            for wire, (name, member) in known.items()
            if wire in node
        }
    if isinstance(shape, ListShape):
        return _list(shape, node, path)
    if isinstance(shape, MapShape):
        entries = node.get("entry", {}) if isinstance(node, dict) else {}
        return {
            entries[index]["key"]: _value(shape.value, entries[index]["value"], f"{path}.entry.{index}")
            for index in sorted(entries, key=int)
        }
    return scalar(shape, node, path)


def _list(shape: ListShape, node: Any, path: str) -> list[Any]:
    if node == "":
        return []
    items = node
    if not shape.serialization.get("flattened"):
        items = node.get(shape.member.serialization.get("name", "member")) if isinstance(node, dict) else None
    if not isinstance(items, dict) or not all(index.isdigit() for index in items):
        raise AwsError("ValidationError", f"{path} must be a list")
    return [_value(shape.member, items[index], f"{path}.{index}") for index in sorted(items, key=int)]


def scalar(shape: Shape, text: Any, path: str) -> Any:
    """The value of a leaf. Raises `AwsError` ValidationError."""
    if not isinstance(text, str):
        raise AwsError("ValidationError", f"{path} must be a {shape.type_name}")
    try:
        if shape.type_name in ("integer", "long"):
            return int(text)
        if shape.type_name in ("float", "double"):
            return float(text)
        if shape.type_name == "timestamp":
            return datetime.fromisoformat(text)
    except ValueError:
        raise AwsError("ValidationError", f"{path} must be a {shape.type_name}, not {text!r}") from None
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise AwsError("ValidationError", f"{path} must be true or false, not {text!r}")
        return text == "true"
    allowed = getattr(shape, "enum", None)
    if allowed and text not in allowed:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value '{text}' at '{path}' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [{', '.join(allowed)}]",
        )
    return text


# --- responses --------------------------------------------------------------------------------------------


def serialise(model: ServiceModel, operation: str, result: Mapping[str, Any] | None, request_id: str) -> bytes:
    """A successful response. Members that are None are left out; unknown ones raise KeyError: a bug of ours."""
    shape = model.operation_model(operation).output_shape
    inner = ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
        inner = f"<{wrapper}>{members(shape, result or {}, _element)}</{wrapper}>"
    namespace = model.metadata.get("xmlNamespace", "")
    return (
        f'<{operation}Response xmlns="{namespace}">{inner}'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def members(shape: StructureShape, values: Mapping[str, Any], element: Callable[[Shape, str, Any], str]) -> str:
    """The members of a structure; those that are None are left out, unknown ones raise KeyError."""
    parts = []
    for name, value in values.items():
        member = shape.members[name]
        if value is not None:
            parts.append(element(member, member.serialization.get("name", name), value))
    return "".join(parts)


def _element(shape: Shape, tag: str, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return f"<{tag}>{members(shape, value, _element)}</{tag}>"
    if isinstance(shape, ListShape):
        if shape.serialization.get("flattened"):
            return "".join(_element(shape.member, tag, item) for item in value)
        item_tag = shape.member.serialization.get("name", "member")
        return f"<{tag}>{''.join(_element(shape.member, item_tag, item) for item in value)}</{tag}>"
    if isinstance(shape, MapShape):
        entries = "".join(
            f"<entry>{_element(shape.key, 'key', key)}{_element(shape.value, 'value', item)}</entry>"
            for key, item in value.items()
        )
        return f"<{tag}>{entries}</{tag}>"
    return f"<{tag}>{escape(text_of(shape, value))}</{tag}>"


def text_of(shape: Shape, value: Any) -> str:
    """A leaf as the client reads it."""
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return str(value)


def error(model: ServiceModel, failure: AwsError, request_id: str) -> Response:
    kind = "Sender" if failure.status < 500 else "Receiver"
    body = (
        f'<ErrorResponse xmlns="{model.metadata.get("xmlNamespace", "")}"><Error><Type>{kind}</Type>'
        f"<Code>{escape(failure.code)}</Code><Message>{escape(failure.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return failure.status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode()


def form_fields(body: bytes, query_params: Mapping[str, Any]) -> dict[str, str]:
    """Of a request, in its body or in its URL."""
    fields = {key: value[0] if isinstance(value, list) else value for key, value in query_params.items()}
    fields.update(parse_qsl(body.decode(), keep_blank_values=True))
    return fields


# --- a service --------------------------------------------------------------------------------------------


class QueryService:
    """A whole service: operation name → function from parameters to result.

    An operation that the model knows and `operations` does not is refused by name.
    """

    def __init__(self, name: str, operations: Mapping[str, Handler]) -> None:
        self.model = service_model(name)
        unknown = sorted(set(operations) - set(self.model.operation_names))
        if unknown:
            raise ValueError(f"not operations of {name}: {', '.join(unknown)}")
        self.operations = operations

    def call(self, operation: str, values: dict[str, Any]) -> dict[str, Any] | None:
        """The operation's result. Raises `AwsError`."""
        handler = self.operations.get(operation)
        if handler is None:
            name = f"{self.model.service_name}:{operation}"
            raise AwsError("InvalidAction", f"localcloud does not support {name} yet")
        return handler(values)

    def respond(self, fields: Mapping[str, str]) -> Response:
        request_id = str(uuid.uuid4())
        try:
            operation, values = parse(self.model, fields)
            body = serialise(self.model, operation, self.call(operation, values), request_id)
        except AwsError as failure:
            return error(self.model, failure, request_id)
        except Exception:
            log.exception("%s:%s failed", self.model.service_name, fields.get("Action"))
            internal = AwsError("InternalFailure", "localcloud failed; its log has the cause", 500)
            return error(self.model, internal, request_id)
        return 200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body

    async def handle_request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Mapping[str, Any]
    ) -> Response:
        """In the shape of a MiniStack service module's entry point."""
        await asyncio.sleep(0)
        return self.respond(form_fields(body, query_params))

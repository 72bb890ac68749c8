"""Server side of the EC2 protocol, driven by botocore's model: it differs from the query protocol in its names.

Reference: "AWS EC2 Query protocol" of the Smithy documentation. What the model does not know is refused.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, Shape, StructureShape
from botocore.validate import ParamValidator

from localcloud import wire
from localcloud.control_plane.lock import LOCK
from localcloud.wire import AwsError, Response

log = logging.getLogger(__name__)

MODEL = wire.service_model("ec2")
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
Operation = Callable[[dict[str, Any]], Mapping[str, Any]]


def parse(operation: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of a request's form fields. Raises AwsError."""
    shape = MODEL.operation_model(operation).input_shape
    given = {key: value for key, value in fields.items() if key not in ("Action", "Version")}
    tree = wire.tree(given, "InvalidParameter")
    values: dict[str, Any] = _value(shape, tree, "") if shape is not None else {}
    report = ParamValidator().validate(values, shape)
    if report.has_errors():
        raise AwsError("InvalidParameterValue", report.generate_report())
    return values


def _wire_name(name: str, shape: Shape) -> str:
    if "queryName" in shape.serialization:
        return str(shape.serialization["queryName"])
    given = str(shape.serialization.get("name", name))
    return given[0].upper() + given[1:]


def _value(shape: Shape, node: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(node, dict):
            raise AwsError("InvalidParameterValue", f"{path} must be a structure")
        known = {_wire_name(name, member): (name, member) for name, member in shape.members.items()}
        for unknown in sorted(set(node) - set(known)):
            raise AwsError("UnknownParameter", f"The parameter {path}{unknown} is not recognized")
        sent = [(key, *known[key]) for key in known if key in node]
        return {name: _value(member, node[key], f"{path}{key}.") for key, name, member in sent}
    if isinstance(shape, ListShape):
        if not isinstance(node, dict) or not all(index.isdigit() for index in node):
            raise AwsError("InvalidParameterValue", f"{path} must be a list")
        return [_value(shape.member, node[index], f"{path}{index}.") for index in sorted(node, key=int)]
    return wire.scalar(shape, node, path.rstrip("."))


def _element(shape: Shape, tag: str, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return f"<{tag}>{wire.members(shape, value, _element)}</{tag}>"
    if isinstance(shape, ListShape):
        item = shape.member.serialization.get("name", "item")
        return f"<{tag}>{''.join(_element(shape.member, item, one) for one in value)}</{tag}>"
    return f"<{tag}>{escape(wire.text_of(shape, value))}</{tag}>"


def respond(operation: str, act: Operation, params: Mapping[str, Any]) -> Response:
    """In the shape of an entry of MiniStack's action map."""
    fields = {key: value[0] if isinstance(value, list) else str(value) for key, value in params.items()}
    request_id = str(uuid.uuid4())
    try:
        with LOCK:
            values = parse(operation, fields)
            if values.get("DryRun"):
                raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
            result = act(values)
        shape = MODEL.operation_model(operation).output_shape
        inner = wire.members(shape, result, _element) if shape is not None else "<return>true</return>"
    except AwsError as error:
        return failure(error, request_id)
    except Exception:
        log.exception("ec2:%s failed", operation)
        return failure(AwsError("InternalError", "localcloud failed; its log has the cause", 500), request_id)
    body = f'<{operation}Response xmlns="{NAMESPACE}"><requestId>{request_id}</requestId>{inner}</{operation}Response>'
    return 200, {"Content-Type": "text/xml"}, body.encode()


def failure(error: AwsError, request_id: str) -> Response:
    body = (
        f"<Response><Errors><Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"</Errors><RequestID>{request_id}</RequestID></Response>"
    )
    return error.status, {"Content-Type": "text/xml"}, body.encode()

"""Parameters held to what the model of a service says of them: lengths, ranges, patterns, enumerations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, Shape, StructureShape  # type: ignore[import-untyped, unused-ignore]
from botocore.validate import ParamValidator  # type: ignore[import-untyped, unused-ignore]

from localcloud.wire import AwsError


def conform(shape: StructureShape, values: Mapping[str, Any]) -> None:
    """Raises `AwsError` ValidationError for parameters that the model does not know, does not allow or misses."""
    report = ParamValidator().validate(values, shape)
    if report.has_errors():
        raise AwsError("ValidationError", f"1 validation error detected: {report.generate_report()}")
    _hold_to_constraints(shape, values, "")


def _hold_to_constraints(shape: Shape, value: Any, path: str) -> None:
    """In AWS's words."""
    if isinstance(shape, StructureShape):
        for name, item in value.items():
            _hold_to_constraints(shape.members[name], item, f"{path}.{_lower(name)}".lstrip("."))
        return
    if isinstance(shape, ListShape):
        _hold_range(shape, value, len(value), path, "length")
        for number, item in enumerate(value, start=1):
            _hold_to_constraints(shape.member, item, f"{path}.{number}.member")
        return
    if shape.type_name == "string":
        _hold_range(shape, value, len(value), path, "length")
        _hold_text(shape, value, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        _hold_range(shape, value, value, path, "value")


def _hold_range(shape: Shape, value: Any, measure: float, path: str, name: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and measure < least:
        _refuse(value, path, f"Member must have {name} greater than or equal to {least}")
    if most is not None and measure > most:
        _refuse(value, path, f"Member must have {name} less than or equal to {most}")


def _hold_text(shape: Shape, value: str, path: str) -> None:
    if shape.enum and value not in shape.enum:
        _refuse(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        _refuse(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _refuse(value: Any, path: str, constraint: str) -> None:
    message = f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
    raise AwsError("ValidationError", message)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]

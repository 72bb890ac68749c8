"""Metric math of one data point: + - * /, comparisons, parentheses, numbers, ids and IF.

Every other function is refused by name. Where one of the metrics has no data point, or where it is divided by zero,
the expression has none either. Source: "Using math expressions with CloudWatch metrics" (CloudWatch user guide).
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.wire import AwsError

_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Expression:
    """A parsed expression. Raises `AwsError` ValidationError for what cannot be read or is not supported."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.ids: set[str] = set()
        """The queries it refers to."""
        try:
            # Its syntax is Python's as far as it is supported; nothing of it is ever run as such.
            self._root = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise _invalid(f"Error in expression '{text}': localcloud cannot read its syntax") from None
        self._check(self._root)

    def value(self, values: Mapping[str, float | None]) -> float | None:
        """Id → data point; None where there is none."""
        try:
            result = self._value(self._root, values)
        except ZeroDivisionError:
            return None
        return None if result is None else float(result)

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", ast.unparse(node.func))
            if name != "IF":
                raise _invalid(f"localcloud does not support {name}() in expressions yet: '{self.text}'")
            if len(node.args) != 3 or node.keywords:
                raise _invalid(f"Error in expression '{self.text}': IF takes a condition and two values")
        elif isinstance(node, ast.Name):
            self.ids.add(node.id)
            return
        elif not self._is_known(node):
            raise _invalid(f"localcloud does not support {ast.unparse(node)} in expressions yet: '{self.text}'")
        for child in self._operands(node):
            self._check(child)

    @staticmethod
    def _is_known(node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, int | float) and not isinstance(node.value, bool)
        if isinstance(node, ast.BinOp):
            return type(node.op) in _ARITHMETIC
        if isinstance(node, ast.Compare):
            return len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS
        return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)

    @staticmethod
    def _operands(node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.Call):
            return node.args
        return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]

    def _value(self, node: Any, values: Mapping[str, float | None]) -> float | None:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return values.get(node.id)
        if isinstance(node, ast.Call):
            condition = self._value(node.args[0], values)
            return None if condition is None else self._value(node.args[1 if condition else 2], values)
        operands = [self._value(child, values) for child in self._operands(node)]
        present = [operand for operand in operands if operand is not None]
        if len(present) < len(operands):
            return None
        if isinstance(node, ast.UnaryOp):
            return -present[0]
        act = _ARITHMETIC[type(node.op)] if isinstance(node, ast.BinOp) else _COMPARISONS[type(node.ops[0])]
        return float(act(*present))


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)

"""Source: "Using math expressions with CloudWatch metrics" (CloudWatch user guide)."""

from __future__ import annotations

import pytest

from localcloud.control_plane.cloudwatch.expressions import Expression
from localcloud.wire import AwsError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2", 13.0),
        ("(a + b) * 2", 16.0),
        ("a / b", 0.6),
        ("-a - 1.5", -4.5),
        ("IF(a > b, a, b)", 5.0),
        ("IF(a < b, a, nothing)", 3.0),
        ("IF(a == 3, 100 * a / b, 0)", 60.0),
        ("IF(zero, 1, 2)", 2.0),
        ("a >= 3", 1.0),
        ("a + nothing", None),
        ("IF(nothing, 1, 2)", None),
        ("IF(a > b, a, nothing)", None),
        ("a / zero", None),
    ],
)
def test_values(text: str, value: float | None) -> None:
    assert Expression(text).value({"a": 3.0, "b": 5.0, "zero": 0.0, "nothing": None}) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FILL(a, 0)", r"localcloud does not support FILL\(\)"),
        ("ANOMALY_DETECTION_BAND(a)", "ANOMALY_DETECTION_BAND"),
        ("SELECT AVG(x) FROM y", "cannot read its syntax"),
        ("a && b", "cannot read its syntax"),
        ("a ** 2", "localcloud does not support a"),
        ("a.b", "localcloud does not support a.b"),
        ("'a' + b", "localcloud does not support 'a'"),
        ("__import__('os')", "__import__"),
        ("IF(a, 1)", "a condition and two values"),
        ("1 < a < 3", "localcloud does not support 1 < a < 3"),
        ("", "cannot read its syntax"),
    ],
)
def test_everything_else_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(AwsError, match=message):
        Expression(text)


def test_it_knows_what_it_refers_to() -> None:
    assert Expression("IF(requests > 0, 100 * errors / requests, 0)").ids == {"requests", "errors"}

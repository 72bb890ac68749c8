"""What the local cloud would ignore in a template, it refuses by name; what our templates say, it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.control_plane.cloudformation.properties import refusals

TEMPLATES = sorted((Path(__file__).parents[4] / "cloudformation").glob("*.yml"))


class Loader(yaml.SafeLoader):
    """Reads the short forms of intrinsic functions as the long ones."""


def _intrinsic(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _intrinsic)


def expand(resources: dict[str, Any]) -> dict[str, Any]:
    """Fn::ForEach as AWS::LanguageExtensions would, but once: the properties are the same each time."""
    result: dict[str, Any] = {}
    for name, resource in resources.items():
        result |= expand(resource[2]) if name.startswith("Fn::ForEach") else {name: resource}
    return result


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
@pytest.mark.parametrize("condition", [True, False])
def test_our_own_templates_are_taken(path: Path, condition: bool) -> None:
    template = yaml.load(path.read_text(), Loader)
    template["Resources"] = expand(template["Resources"])
    conditions = dict.fromkeys(template.get("Conditions", {}), condition)
    assert refusals(template, conditions) == []


def _resource(kind: str, **attributes: Any) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": kind, **attributes}}}


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (
            _resource("AWS::AutoScaling::AutoScalingGroup", Properties={"CapacityRebalance": True}),
            "the property CapacityRebalance of AWS::AutoScaling::AutoScalingGroup",
        ),
        (
            _resource("AWS::EC2::LaunchTemplate", Properties={"LaunchTemplateData": {"KeyName": "k"}}),
            "the property LaunchTemplateData.KeyName of",
        ),
        (
            _resource(
                "AWS::EC2::LaunchTemplate",
                Properties={"LaunchTemplateData": {"Fn::If": ["Yes", {"KernelId": "k"}, {"Ref": "AWS::NoValue"}]}},
            ),
            "the property LaunchTemplateData.KernelId of",
        ),
        (_resource("AWS::AutoScaling::ScheduledAction"), "AWS::AutoScaling::ScheduledAction yet (It)"),
        (
            _resource("AWS::AutoScaling::ScalingPolicy", Properties={"StepAdjustments": [{"ScalingAdjustment": 1}]}),
            "the property StepAdjustments of AWS::AutoScaling::ScalingPolicy",
        ),
        (
            _resource("AWS::AutoScaling::AutoScalingGroup", UpdatePolicy={"AutoScalingRollingUpdate": {}}),
            "UpdatePolicy AutoScalingRollingUpdate yet",
        ),
        (
            _resource("AWS::AutoScaling::AutoScalingGroup", CreationPolicy={"ResourceSignal": {}}),
            "CreationPolicy yet",
        ),
    ],
)
def test_what_would_be_ignored_is_refused_by_name(template: dict[str, Any], sentence: str) -> None:
    (refusal,) = refusals(template, {"Yes": True})
    assert refusal.startswith("localcloud does not support ")
    assert sentence in refusal


def test_what_aws_does_not_know_either_is_left_to_validation() -> None:
    for properties in ({"MinSzie": 1}, {"LaunchTemplate": {"Vresion": "1"}}, {"Tags": [{"Kee": "k"}]}):
        assert refusals(_resource("AWS::AutoScaling::AutoScalingGroup", Properties=properties), {}) == []


def test_what_a_condition_switches_off_is_not_refused() -> None:
    template = _resource("AWS::AutoScaling::ScheduledAction", Condition="IsNight")
    assert refusals(template, {"IsNight": False}) == []

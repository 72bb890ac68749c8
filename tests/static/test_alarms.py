"""Alarms say what to do, a release is ended by those that can, and the dashboard shows them all."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import PROJECT
from tests.templates import load, nodes

RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = [re.sub(r"\s+", "-", title).lower() for title in re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)]
TOPICS = {"load_balancer.yml": {"Ref": "AlertTopic"}, "fleet.yml": {"Ref": "AlertTopicArn"}}
COLOURS = ("Blue", "Green")


def text(value: Any) -> str:
    """What Fn::Sub is given, of either form."""
    given = value["Fn::Sub"]
    return str(given if isinstance(given, str) else given[0])


def alarms() -> Iterator[tuple[str, dict[str, Any]]]:
    """Template and properties of each alarm; one for both colours is there once."""
    for template in TOPICS:
        for node in nodes(load(template)["Resources"]):
            if node.get("Type") == "AWS::CloudWatch::Alarm":
                yield template, node["Properties"]


ALARMS = {text(properties["AlarmName"]): (template, properties) for template, properties in alarms()}
LOAD_BALANCER = load("load_balancer.yml")


def scaling() -> tuple[str, str]:
    """What the CPU alarm says of scaling, and what it says where there is none."""
    _, properties = ALARMS["${AppName}-${EnvName}-${Colour}-cpu"]
    _, values = properties["AlarmDescription"]["Fn::Sub"]
    condition, scaled, not_scaled = values["Scaling"]["Fn::If"]
    assert condition == "HasScaling"
    return text(scaled), not_scaled


def anchor(properties: dict[str, Any]) -> str:
    return text(properties["AlarmDescription"]).rpartition("#")[2]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_says_what_to_do_and_where_it_is_explained(name: str) -> None:
    template, properties = ALARMS[name]
    description = text(properties["AlarmDescription"])
    sentence, _, link = description.rpartition(" ")
    assert len(sentence.split()) > 15
    assert link == f"${{RunbookUrl}}#{anchor(properties)}"
    # The section bears the alarm's own name, less the environment's and the colour's.
    assert re.fullmatch(r"\$\{AppName\}-\$\{EnvName\}-(\$\{(Name|Colour)\}-)?" + anchor(properties), name)
    # PutMetricAlarm, AlarmDescription; the values as long as their parameters allow.
    longest = {"RunbookUrl": 300, "AppName": 20, "EnvName": 20, "Scaling": max(map(len, scaling()))}
    assert len(re.sub(r"\$\{(\w+)\}", lambda ref: "x" * longest.get(ref[1], 6), description)) <= 1024
    assert properties["AlarmActions"] == properties["OKActions"] == [TOPICS[template]]


def test_a_fleet_that_is_not_scaled_is_not_told_of_scaling() -> None:
    scaled, not_scaled = scaling()
    assert "scaling to ${CpuTargetPercent} %" in scaled
    assert "Raise fleet_min_size" in not_scaled
    assert "CpuTargetPercent" not in not_scaled


def test_a_threshold_in_percent_can_be_exceeded() -> None:
    """GreaterThanThreshold: nothing is above 100 %."""
    for template in TOPICS:
        for name, parameter in load(template)["Parameters"].items():
            if name in ("CpuAlarmPercent", "ErrorSharePercent"):
                assert parameter["MaxValue"] == 99


def test_the_runbook_has_a_section_for_each_alarm_and_for_nothing_else() -> None:
    assert list(dict.fromkeys(anchor(properties) for _, properties in ALARMS.values())) == SECTIONS
    for section in SECTIONS:
        assert f"| [{section}](#{section}) |" in RUNBOOK


def test_the_runbook_links_to_sections_that_are_there() -> None:
    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= set(SECTIONS)
    assert set(re.findall(r"\]\(runbook\.md#([\w-]+)\)", (PROJECT / "docs/scaling.md").read_text())) <= set(SECTIONS)


def released_by(colour: str, kind: str) -> list[str]:
    """Logical ids of the alarms that an output names."""
    separator, entries = LOAD_BALANCER["Outputs"][f"ReleaseAlarm{kind}{colour}"]["Value"]["Fn::Join"]
    assert separator == ","
    return [entry["Ref"] if kind == "Names" else entry["Fn::GetAtt"][0] for entry in entries]


def by_logical_id(logical_id: str) -> dict[str, Any]:
    """Properties of an alarm, whether it is of a loop or not."""
    for colour in ("", *COLOURS):
        loop = logical_id.removesuffix(colour) + ("${Colour}" if colour else "")
        for node in nodes(LOAD_BALANCER["Resources"]):
            if loop in node and logical_id.endswith(colour):
                properties: dict[str, Any] = node[loop]["Properties"]
                return properties
    raise KeyError(logical_id)


@pytest.mark.parametrize("colour", COLOURS)
def test_what_ends_a_release_is_its_own_colour_s_and_never_without_data(colour: str) -> None:
    names = released_by(colour, "Names")
    assert names == released_by(colour, "Arns")
    other = COLOURS[1 - COLOURS.index(colour)]
    assert [name.replace(colour, other) for name in names] == released_by(other, "Names")
    assert not any(name.endswith(other) for name in names)
    # RollbackConfiguration, RollbackTriggers: at most 5. AlarmSpecification: at most 10.
    assert 4 <= len(names) <= 5
    for name in names:
        properties = by_logical_id(name)
        assert properties["TreatMissingData"] == "notBreaching"
        assert properties["EvaluationPeriods"] == {"Ref": "ReleaseAlarmPeriods"}
        # What one machine that dies may spoil for two periods wants all of them.
        spoilt = anchor(properties) in ("connection-errors", "load-balancer-errors")
        assert properties["DatapointsToAlarm"] == {"Ref": f"ReleaseAlarm{'Periods' if spoilt else 'Datapoints'}"}
        periods = [node["Period"] for node in nodes(properties) if "Period" in node]
        assert all(period == {"Ref": "ReleaseAlarmPeriodSeconds"} for period in periods)
        assert f"[{anchor(properties)}](#{anchor(properties)})" in RUNBOOK
        row = next(line for line in RUNBOOK.splitlines() if line.startswith(f"| [{anchor(properties)}]"))
        assert row.endswith("| yes |")


def test_expressions_keep_to_arithmetic() -> None:
    expressions = [node["Expression"] for node in nodes(LOAD_BALANCER["Resources"]) if "Expression" in node]
    assert expressions == ["IF(requests > 0, 100 * errors / requests, 0)"]
    # One result, of its own ids.
    metrics = by_logical_id("ErrorShareAlarmBlue")["Metrics"]
    assert [metric["Id"] for metric in metrics if metric["ReturnData"]] == ["share"]
    assert {"errors", "requests"} < {metric["Id"] for metric in metrics}


def test_the_defaults_let_a_release_bake_for_as_long_as_its_alarms_look() -> None:
    parameters = LOAD_BALANCER["Parameters"]
    window = parameters["ReleaseAlarmPeriodSeconds"]["Default"] * parameters["ReleaseAlarmPeriods"]["Default"]
    assert load("fleet.yml")["Parameters"]["BakeSeconds"]["Default"] == window + 180
    assert parameters["CpuAlarmPercent"]["Default"] > parameters["CpuTargetPercent"]["Default"]


# --- the dashboard ----------------------------------------------------------------------------------------


def dashboard() -> dict[str, Any]:
    """The body as CloudFormation makes it, references replaced by their own names and numbers by 1."""
    properties = LOAD_BALANCER["Resources"]["Dashboard"]["Properties"]
    body, names = properties["DashboardBody"]["Fn::Sub"]
    local = {name: text(value) for name, value in names.items() if "Fn::Sub" in value}
    body = re.sub(r"\$\{(\w+)\}", lambda ref: local.get(ref[1], ref[0]), body)
    numbers = {name for name, parameter in LOAD_BALANCER["Parameters"].items() if parameter["Type"] == "Number"}
    parsed: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", lambda ref: "1" if ref[1] in numbers else ref[0], body))
    return parsed


WIDGETS: list[dict[str, Any]] = dashboard()["widgets"]
GRAPHS = {widget["properties"]["title"]: widget["properties"] for widget in WIDGETS if widget["type"] == "metric"}


def rows(metrics: list[list[Any]]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Namespace, name and dimensions of each row, with its options.

    "." stands for what the row above has in this place, "..." for all that it has before the last ("Dashboard Body
    Structure", Metric Widget: Format for Each Metric in the Array).
    """
    above: list[str] = []
    for *given, options in metrics:
        fields = [*above[: len(above) - len(given) + 1], *given[1:]] if given[0] == "..." else given
        above = [above[index] if field == "." else field for index, field in enumerate(fields)]
        yield above, options


def test_no_two_widgets_overlap_and_all_fit() -> None:
    for widget in WIDGETS:
        assert widget["x"] >= 0
        assert widget["x"] + widget["width"] <= 24
    for one, other in itertools.combinations(WIDGETS, 2):
        apart_x = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        apart_y = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert apart_x or apart_y, (one, other)


def test_no_row_of_widgets_has_a_gap() -> None:
    covered = sum(widget["width"] * widget["height"] for widget in WIDGETS)
    assert covered == 24 * max(widget["y"] + widget["height"] for widget in WIDGETS)


def test_it_shows_what_one_wants_to_see() -> None:
    assert list(GRAPHS) == [
        *("CPU utilisation", "Group size", "Requests", "Latency", "Targets"),
        *("Errors of the fleets", "Errors of the load balancer"),
    ]
    lines = GRAPHS["CPU utilisation"]["annotations"]["horizontal"]
    assert [line["label"] for line in lines] == ["scaled to", "alarm above"]
    assert [options["label"] for _, options in rows(GRAPHS["Latency"]["metrics"])] == [
        *("blue p50", "blue p99", "green p50", "green p99")
    ]


@pytest.mark.parametrize("title", GRAPHS)
def test_a_graph_is_named_measured_and_coloured(title: str) -> None:
    graph = GRAPHS[title]
    assert graph["yAxis"]["left"]["label"]
    assert (graph["view"], graph["region"]) == ("timeSeries", "${AWS::Region}")
    for fields, options in rows(graph["metrics"]):
        namespace, _, *dimensions = fields
        assert namespace in ("AWS/EC2", "AWS/AutoScaling", "AWS/ApplicationELB")
        assert len(dimensions) in (2, 4)
        assert re.fullmatch("#[0-9a-f]{6}", options["color"])
        colour, _, _ = options["label"].partition(" ")
        if colour in ("blue", "green"):
            assert any(colour in value.lower() for value in dimensions[1::2]), (title, options["label"])
        # The colour is the fleet's own, unless it is one of the lines that limit it.
        red, green, blue = (int(options["color"][at : at + 2], 16) for at in (1, 3, 5))
        assert {"blue": blue >= green > red, "green": green > max(red, blue), "load": red > max(green, blue)}[
            colour
        ] or (red == green == blue)


def test_the_metrics_are_those_of_the_alarms() -> None:
    shown = {tuple(fields[:2]) for graph in GRAPHS.values() for fields, _ in rows(graph["metrics"])}
    for _, properties in ALARMS.values():
        for node in nodes(properties):
            if "MetricName" in node and node["Namespace"] != "AWS/CertificateManager":
                assert (node["Namespace"], node["MetricName"]) in shown


def test_group_metrics_are_collected() -> None:
    (group,) = (
        n for n in nodes(load("fleet.yml")["Resources"]) if n.get("Type") == "AWS::AutoScaling::AutoScalingGroup"
    )
    (collection,) = group["Properties"]["MetricsCollection"]
    assert collection["Granularity"] == "1Minute"
    shown = {fields[1] for fields, _ in rows(GRAPHS["Group size"]["metrics"])}
    assert set(collection["Metrics"]) == shown


def test_every_alarm_is_on_it() -> None:
    (widget,) = (widget for widget in WIDGETS if widget["type"] == "alarm")
    arns = widget["properties"]["alarms"]
    assert len(set(arns)) == len(arns)
    own = {
        name.replace("${Colour}", colour)
        for node in nodes(LOAD_BALANCER["Resources"])
        for name, child in node.items()
        if isinstance(child, dict) and child.get("Type") == "AWS::CloudWatch::Alarm"
        for colour in COLOURS
    }
    (cpu,) = (name for name in ALARMS if name.endswith("-cpu"))
    region = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
    fleets = {region + cpu.replace("${Colour}", colour.lower()) for colour in COLOURS}
    assert set(arns) == {f"${{{name}.Arn}}" for name in own} | fleets

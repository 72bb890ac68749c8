"""The boundary of the fleets' roles, and the table of releases."""

import re
from fnmatch import fnmatchcase

from tests.templates import load, nodes
from tests.unit.cloudformation.permissions import BOOTSTRAP, listed, resolved


def boundary_allows(action: str, arn: str) -> bool:
    statements = resolved(BOOTSTRAP["FleetBoundary"]["Properties"]["PolicyDocument"])["Statement"]
    return any(
        action in listed(statement["Action"])
        and any(fnmatchcase(arn, pattern) for pattern in listed(statement["Resource"]))
        for statement in statements
    )


def test_the_boundary_holds_what_machines_need() -> None:
    examples = {
        "RepositoryArn": "arn:aws:ecr:eu-west-1:444455556666:repository/hello",
        "LogGroup.Arn": "arn:aws:logs:eu-west-1:111122223333:log-group:/hello/staging/blue:*",
        "EnvName": "staging",
        "Colour": "blue",
    }
    role = next(node for node in nodes(load("fleet.yml")["Resources"]) if node.get("Type") == "AWS::IAM::Role")
    needs = []
    for statement in nodes(role["Properties"]["Policies"]):
        if "Effect" not in statement:
            continue
        for resource in listed(statement["Resource"]):
            if isinstance(resource, dict) and "Fn::GetAtt" in resource:
                arn = examples[".".join(resource["Fn::GetAtt"])]
            else:
                arn = resolved(resource)
                arn = examples.get(arn, arn)
                arn = re.sub(r"\$\{([^}]+)\}", lambda name: examples[name[1]], arn)
            needs += [(action, arn) for action in listed(statement["Action"])]
    assert len(needs) > 10
    assert [need for need in needs if not boundary_allows(*need)] == []


def test_the_boundary_ends_at_the_application() -> None:
    assert not boundary_allows("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/other/x")
    assert not boundary_allows("iam:PassRole", "arn:aws:iam::111122223333:role/hello-cloudformation")
    assert not boundary_allows("dynamodb:DeleteItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/hello-bootstrap-1")


def test_fleets_stay_within_the_boundary() -> None:
    (role,) = (node for node in nodes(load("fleet.yml")["Resources"]) if node.get("Type") == "AWS::IAM::Role")
    boundary = BOOTSTRAP["FleetBoundary"]["Properties"]["ManagedPolicyName"]["Fn::Sub"]
    assert role["Properties"]["PermissionsBoundary"] == {
        "Fn::Sub": f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{boundary}"
    }


def test_release_records_are_not_lost() -> None:
    table = BOOTSTRAP["ReleaseRecords"]
    properties = table["Properties"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert "TableName" not in properties

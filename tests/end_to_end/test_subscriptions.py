"""Who has not confirmed is named, and asked again when the link has run out: the end of site.yml, on its own."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cloud import Cloud, PlaybookRun
from tests.contract.notifications.conftest import Notifications, notifications
from tests.waiting import eventually

TWO_DAYS_SECONDS = 12
"""Two days take so long here: a run of the playbook fits in, and waiting for them does not take long."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notifications]:
    with notifications(tmp_path_factory.mktemp("cloud"), time_scale=2 * 24 * 3600 / TWO_DAYS_SECONDS) as found:
        yield found


@dataclass
class Subscribed:
    """A topic with its addresses, each subscribed by one stack as the template does it."""

    cloud: Notifications
    addresses: tuple[str, ...]
    stack: str
    topic: str

    def site_ends(
        self, *arguments: str, addresses: tuple[str, ...] | None = None, deployed: tuple[str, ...] | None = None
    ) -> PlaybookRun:
        """The run's end, with the inventory's addresses and those of the stack: the same ones, but in a check."""
        wanted = addresses or self.addresses
        run = Cloud(self.cloud.state_dir, int(self.cloud.endpoint.rpartition(":")[2]), "").playbook(
            "tests/end_to_end/playbooks/subscriptions.yml",
            *arguments,
            variables={
                "load_balancer_alert_emails": wanted,
                "load_balancer_outputs": {"AlertTopicArn": self.topic},
                "load_balancer_subscribed_emails": deployed or wanted,
            },
        )
        assert run.status == 0, run.output
        return run

    def confirm(self, address: str) -> None:
        with urllib.request.urlopen(self.cloud.link(address), timeout=10) as answer:
            assert answer.status == 200

    def shown(self) -> dict[str, str]:
        listed = self.cloud.client("sns").list_subscriptions_by_topic(TopicArn=self.topic)["Subscriptions"]
        return {one["Endpoint"]: one["SubscriptionArn"] for one in listed}

    def drift(self) -> dict[str, str]:
        api = self.cloud.client("cloudformation")
        api.detect_stack_drift(StackName=self.stack)
        found = api.describe_stack_resource_drifts(StackName=self.stack)["StackResourceDrifts"]
        return {one["LogicalResourceId"]: one["StackResourceDriftStatus"] for one in found}


@pytest.fixture
def subscribed(cloud: Notifications) -> Subscribed:
    """Both addresses are pending, and their mails have just been sent."""
    mark = uuid.uuid4().hex[:8]
    addresses = (f"early-{mark}@example.com", f"late-{mark}@example.com")
    resources: dict[str, Any] = {"Topic": {"Type": "AWS::SNS::Topic"}}
    for name, address in zip(("Early", "Late"), addresses, strict=True):
        properties = {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": address}
        resources[name] = {"Type": "AWS::SNS::Subscription", "Properties": properties}
    api, stack = cloud.client("cloudformation"), f"mail-{mark}"
    api.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    eventually(lambda: api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    topic = api.describe_stack_resource(StackName=stack, LogicalResourceId="Topic")
    return Subscribed(cloud, addresses, stack, topic["StackResourceDetail"]["PhysicalResourceId"])


def test_who_has_not_confirmed_is_named_and_who_has_is_not(subscribed: Subscribed) -> None:
    early, late = subscribed.addresses
    subscribed.confirm(early)
    run = subscribed.site_ends()
    assert (run.changed, late in run.output, early in run.output) == (0, True, False), run.output
    assert "AWS Notification - Subscription Confirmation" in run.output
    subscribed.confirm(late)
    run = subscribed.site_ends()
    assert (run.changed, late in run.output, "debug" in run.output) == (0, False, False), run.output
    assert [len(subscribed.cloud.mails(to)) for to in subscribed.addresses] == [1, 1]


def test_who_let_the_link_run_out_is_mailed_another(subscribed: Subscribed) -> None:
    early, late = subscribed.addresses
    subscribed.confirm(early)
    eventually(lambda: late not in subscribed.shown(), seconds=2 * TWO_DAYS_SECONDS)
    checked = subscribed.site_ends("--check")
    assert (checked.changed, f"The last link to {late} had run out" in checked.output) == (1, True), checked.output
    assert [len(subscribed.cloud.mails(to)) for to in subscribed.addresses] == [1, 1], "check mode sends nothing"
    run = subscribed.site_ends()
    assert (run.changed, "a new one is on its way" in run.output) == (1, True), run.output
    assert [len(subscribed.cloud.mails(to)) for to in subscribed.addresses] == [1, 2]
    subscribed.confirm(late)
    assert subscribed.shown()[late].startswith("arn:")
    run = subscribed.site_ends()
    assert (run.changed, late in run.output) == (0, False), run.output
    # docs/decisions/0007: what was subscribed anew is not the stack's.
    assert subscribed.drift() == {"Topic": "IN_SYNC", "Early": "IN_SYNC", "Late": "DELETED"}


def test_an_address_that_was_taken_out_and_still_receives_alarms_is_named(subscribed: Subscribed) -> None:
    early, late = subscribed.addresses
    for address in subscribed.addresses:
        subscribed.confirm(address)
    run = subscribed.site_ends(addresses=(early,))
    assert f"{late}: aws sns unsubscribe" in run.output, run.output
    assert subscribed.shown()[late] in run.output


def test_a_plan_that_changes_the_addresses_says_nothing_of_those_that_come_or_go(subscribed: Subscribed) -> None:
    early, late = subscribed.addresses
    for address in subscribed.addresses:
        subscribed.confirm(address)
    new = f"new-{early}"
    run = subscribed.site_ends("--check", addresses=(early, new), deployed=subscribed.addresses)
    assert (run.changed, new in run.output, late in run.output) == (0, False, False), run.output


def test_a_plan_that_changes_the_addresses_still_asks_again_those_that_stay(subscribed: Subscribed) -> None:
    early, late = subscribed.addresses
    subscribed.confirm(early)
    eventually(lambda: late not in subscribed.shown(), seconds=2 * TWO_DAYS_SECONDS)
    new = f"new-{early}"
    run = subscribed.site_ends("--check", addresses=(late, new), deployed=subscribed.addresses)
    assert (run.changed, f"The last link to {late} had run out" in run.output) == (1, True), run.output
    assert (new in run.output, early in run.output.replace(new, "")) == (False, False), run.output

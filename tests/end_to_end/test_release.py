"""Releases as operators do them: nobody notices, one at a time, back again, killed and gone on with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal import application
from rehearsal.record import questions
from tests.client import Load, certificate_from_acm, trusting
from tests.cloud import Cloud, PlaybookRun
from tests.interruption import RunningPlaybook

pytestmark = pytest.mark.timeout(900)

ENVIRONMENT = "release"
RATE = 50
REFRESH = "instance refresh InProgress"
MOST_SECONDS = 240


@dataclass(frozen=True)
class Environment:
    """An environment of its own, which the tests of this file release to one after the other."""

    cloud: Cloud
    directory: Path

    def run(self, playbook: str, greeting: str = "", **variables: Any) -> PlaybookRun:
        return self.cloud.playbook(playbook, variables=self.variables(greeting, **variables))

    def variables(self, greeting: str = "", **variables: Any) -> dict[str, Any]:
        given = {"env_name": ENVIRONMENT, "smoke_test_expected_text": "Hello", **variables}
        return {**given, "image_context": str(self.application(greeting))} if greeting else given

    def application(self, greeting: str) -> Path:
        """The application with another greeting: the build context of a release of its own."""
        directory = self.directory / greeting.replace(" ", "-")
        if not directory.exists():
            application.altered(application.copy(directory), "Hello World!", greeting)
        return directory / "app"

    def load(self) -> Load:
        outputs = questions.Environment(self.cloud.client, "hello", ENVIRONMENT).outputs("load-balancer")
        host = outputs["LoadBalancerDnsName"]
        return Load(host, trusting(certificate_from_acm(self.cloud, self.directory, ENVIRONMENT)), RATE)

    def records(self) -> dict[str, dict[str, Any]]:
        """What the table holds of this environment, by its sort key."""
        table = self.cloud.client("cloudformation").describe_stacks(StackName="hello-bootstrap")["Stacks"][0]["Outputs"]
        name = next(output["OutputValue"] for output in table if output["OutputKey"] == "ReleaseTableName")
        items = self.cloud.client("dynamodb").query(
            TableName=name,
            KeyConditionExpression="environment = :e",
            ExpressionAttributeValues={":e": {"S": ENVIRONMENT}},
        )["Items"]
        return {item["record"]["S"]: {key: next(iter(value.values())) for key, value in item.items()} for item in items}

    def newest_record(self) -> dict[str, Any]:
        return [record for key, record in sorted(self.records().items()) if key != "lock"][-1]

    def machine_images(self) -> set[str]:
        """Of the instances that serve."""
        groups = self.cloud.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[f"hello-{ENVIRONMENT}-blue"]
        )["AutoScalingGroups"]
        serving = [item["InstanceId"] for item in groups[0]["Instances"] if item["LifecycleState"] == "InService"]
        reservations = self.cloud.client("ec2").describe_instances(InstanceIds=serving)["Reservations"]
        return {item["ImageId"] for reservation in reservations for item in reservation["Instances"]}

    def history(self) -> list[tuple[str, str]]:
        """(release, result), oldest first."""
        records = self.records()
        return [(records[key]["name"], records[key]["result"]) for key in sorted(records) if key != "lock"]

    def release_under_way(self, greeting: str) -> RunningPlaybook:
        """A release that goes on while the test does; instances are being replaced already."""
        run = RunningPlaybook(self.cloud, "playbooks/release.yml", variables=self.variables(greeting))
        run.read_until(REFRESH)
        return run


def published_machine_images(cloud: Cloud) -> list[str]:
    """Ids, oldest first."""
    images = cloud.client("ec2").describe_images(Owners=["amazon"])["Images"]
    return [image["ImageId"] for image in sorted(images, key=lambda image: str(image["CreationDate"]))]


@pytest.fixture(scope="module")
def environment(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    made = Environment(cloud, tmp_path_factory.mktemp("release"))
    # The newest machine image but one, so that there is something to upgrade to.
    older, _ = published_machine_images(cloud)
    first = made.run("site.yml", fleet_machine_image_id=older)
    assert first.status == 0, first.output
    yield made
    removed = made.run("playbooks/teardown.yml", teardown_environment=ENVIRONMENT)
    assert removed.status == 0, removed.output


def failures(load: Load) -> Sequence[Any]:
    return [(answer.status, answer.text) for answer in load.answers if answer.failed]


def served(load: Load) -> Counter[str]:
    """Requests by the release that answered."""
    return Counter(json.loads(answer.text)["release"] for answer in load.answers if not answer.failed)


def test_a_new_machine_image_is_a_release_of_its_own_with_a_way_back(environment: Environment) -> None:
    older, newest = published_machine_images(environment.cloud)
    before = environment.newest_record()
    assert environment.machine_images() == {older}
    assert before["machine_image"] == older

    with environment.load().running(MOST_SECONDS) as load:
        upgraded = environment.run("playbooks/upgrade_machine_image.yml")
    assert upgraded.status == 0, upgraded.output
    assert failures(load) == []
    assert environment.machine_images() == {newest}
    record = environment.newest_record()
    assert (record["machine_image"], record["digest"], record["result"]) == (newest, before["digest"], "succeeded")
    assert f"-e fleet_machine_image_id={newest}" in upgraded.output, "The next environment's command."
    for playbook in ("playbooks/upgrade_machine_image.yml", "site.yml"):
        again = environment.run(playbook)
        assert (again.status, again.changed) == (0, 0), again.output
    assert environment.newest_record() == record

    with environment.load().running(MOST_SECONDS) as load:
        back = environment.run("playbooks/rollback.yml")
    assert back.status == 0, back.output
    assert failures(load) == []
    assert environment.machine_images() == {older}
    record = environment.newest_record()
    assert (record["machine_image"], record["digest"], record["result"]) == (older, before["digest"], "succeeded")


def test_the_machine_image_that_another_environment_proved_is_taken(environment: Environment) -> None:
    # This one stands in for the other: the newest success is older than the newest that is published.
    proven = environment.run("playbooks/upgrade_machine_image.yml", fleet_machine_image_from=ENVIRONMENT)
    assert (proven.status, proven.changed) == (0, 0), proven.output

    before = environment.records()
    for variables, sentence in (
        ({"fleet_machine_image_from": "elsewhere"}, "-i inventories/elsewhere"),
        ({"fleet_machine_image_id": "ami-00000000000000000"}, "ami-00000000000000000 is not in us-east-1"),
    ):
        refused = environment.run("playbooks/upgrade_machine_image.yml", **variables)
        assert refused.status != 0, refused.output
        assert sentence in " ".join(refused.output.split()), refused.output
    assert environment.records() == before


def test_a_release_and_the_way_back_fail_no_request(environment: Environment) -> None:
    with environment.load().running(MOST_SECONDS) as load:
        released = environment.run("playbooks/release.yml", "Hello Mars!")
    assert released.status == 0, released.output
    assert failures(load) == []
    before, after = (name for name, _ in environment.history()[-2:])
    assert set(served(load)) == {before, after}
    assert REFRESH in released.output, "The watch says how far the refresh is."
    assert environment.run("site.yml", "Hello Mars!").changed == 0

    with environment.load().running(MOST_SECONDS) as load:
        back = environment.run("playbooks/rollback.yml")
    assert back.status == 0, back.output
    assert failures(load) == []
    assert environment.history()[-1] == (before, "succeeded")

    named = environment.run("playbooks/rollback.yml", release_name=after)
    assert named.status == 0, named.output
    assert environment.history()[-1] == (after, "succeeded")
    assert "lock" not in environment.records()


def test_from_a_release_whose_smoke_test_failed_the_way_back_is_what_served_before_it(environment: Environment) -> None:
    before, _ = environment.history()[-1]
    unseen = environment.run("playbooks/release.yml", "Hello Jupiter!", smoke_test_expected_text="Hello Moon!")
    assert unseen.status != 0
    failed, result = environment.history()[-1]
    assert (failed != before, result) == (True, "failed")
    assert f"Deployed now: release {failed}" in unseen.output

    # It is deployed, although history has no success of it. The way back is killed, and started again as it was.
    with RunningPlaybook(environment.cloud, "playbooks/rollback.yml", variables=environment.variables()) as back:
        back.read_until(REFRESH)
    resumed = environment.run("playbooks/rollback.yml")
    assert resumed.status == 0, resumed.output
    assert environment.history()[-1] == (before, "succeeded")


def test_a_released_image_is_kept_from_expiring(environment: Environment) -> None:
    newest = environment.newest_record()
    (image,) = environment.cloud.client("ecr").describe_images(
        repositoryName="hello", imageIds=[{"imageDigest": newest["digest"]}]
    )["imageDetails"]
    assert f"release-{ENVIRONMENT}-{newest['number']}" in image["imageTags"]


def test_a_release_that_is_not_recorded_is_refused_with_what_there_is(environment: Environment) -> None:
    before = environment.records()
    refused = environment.run("playbooks/rollback.yml", release_name="9999")
    assert refused.status != 0
    assert "has no successful release 9999" in refused.output
    assert before["release#000001"]["name"] in refused.output
    assert environment.records() == before


def test_of_two_releases_the_second_is_refused_and_a_killed_one_goes_on(environment: Environment) -> None:
    with environment.load().running(MOST_SECONDS) as load:
        # Killed at once and without a word, as when a machine loses its power.
        with environment.release_under_way("Hello Venus!"):
            second = environment.run("playbooks/release.yml", "Hello Pluto!")
            assert second.status != 0
            assert f"releases to {ENVIRONMENT} since 20" in second.output, second.output
            lock = environment.records()["lock"]
            assert lock["holder"] in second.output
            assert second.changed == 0, second.output
        again = environment.run("playbooks/release.yml", "Hello Venus!")
        assert again.status == 0, again.output
    assert failures(load) == []
    assert environment.history()[-1][1] == "succeeded"
    assert [result for _, result in environment.history()].count("in progress") == 0
    assert "lock" not in environment.records()
    assert environment.run("site.yml", "Hello Venus!").changed == 0


def test_a_lock_that_was_given_up_is_taken_away_on_purpose(environment: Environment) -> None:
    with environment.release_under_way("Hello Saturn!"):
        pass
    other = environment.run("playbooks/release.yml", "Hello Venus!")
    assert other.status != 0
    assert "playbooks/unlock.yml" in other.output
    unlocked = environment.run("playbooks/unlock.yml")
    assert unlocked.status == 0, unlocked.output
    assert "The lock of " in unlocked.output
    back = environment.run("playbooks/release.yml", "Hello Venus!")
    assert back.status == 0, back.output
    assert [result for _, result in environment.history()].count("interrupted") == 1


def test_another_strategy_is_refused_before_anything_happens(environment: Environment) -> None:
    before = environment.records()
    refused = environment.run("playbooks/release.yml", "Hello Mars!", release_strategy="blue_green")
    assert refused.status != 0
    assert "only rolling is there yet" in refused.output
    assert environment.records() == before

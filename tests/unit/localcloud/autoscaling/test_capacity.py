"""How many instances, where, which go first.

Sources: EC2 Auto Scaling user guide, "Configure termination policies for Amazon EC2 Auto Scaling", "Auto Scaling
group Availability Zone distribution"; API reference, UpdateAutoScalingGroup, SetDesiredCapacity.
"""

from __future__ import annotations

from collections import Counter

import pytest

from localcloud.control_plane.autoscaling.model import Lifecycle
from localcloud.control_plane.autoscaling.settings import GroupSettings
from localcloud.wire import AwsError
from tests.unit.localcloud.autoscaling.cloud import Cloud, ids, states


def test_instances_are_spread_over_the_zones(cloud: Cloud) -> None:
    group = cloud.group(min_size=4, max_size=6, subnets=["subnet-a", "subnet-b", "subnet-c"])
    assert sorted(Counter(m.zone for m in group.members.values()).values()) == [1, 1, 2]


def test_instances_carry_the_groups_tags(cloud: Cloud) -> None:
    """User guide, "Tag Auto Scaling groups and instances": aws:autoscaling:groupName."""
    group = cloud.group(min_size=1)
    (instance,) = group.members
    assert cloud.instances.tags[instance] == {
        "aws:autoscaling:groupName": "fleet",
        "aws:ec2launchtemplate:id": "lt-1",
        "aws:ec2launchtemplate:version": "1",
    }


def test_scale_in_keeps_the_zones_balanced(cloud: Cloud) -> None:
    group = cloud.in_service(min_size=1, desired=4, max_size=4)
    cloud.engine.set_desired(group, 2)
    left = [m.zone for m in group.live()]
    assert sorted(left) == ["us-east-1a", "us-east-1b"]


def test_scale_in_takes_the_oldest_launch_template_version_first(cloud: Cloud) -> None:
    """The default termination policy."""
    group = cloud.in_service(min_size=1, max_size=4, desired=1, subnets=["subnet-a"])
    old = ids(group)
    cloud.instances.template_versions.append({"ImageId": "ami-2", "InstanceType": "t3.micro"})
    cloud.engine.set_desired(group, 2)
    cloud.settle()
    cloud.engine.set_desired(group, 1)
    assert ids(group, Lifecycle.TERMINATING) == old


def test_protected_instances_are_not_taken_by_scale_in(cloud: Cloud) -> None:
    """User guide, "Use instance scale-in protection"."""
    group = cloud.in_service(min_size=0, desired=2, protect_new=True)
    cloud.engine.set_desired(group, 0)
    assert states(group) == ["InService", "InService"]


def test_a_new_minimum_above_the_desired_capacity_raises_it(cloud: Cloud) -> None:
    group = cloud.in_service()
    cloud.engine.update(group, GroupSettings(min_size=3))
    assert group.desired == 3
    assert len(group.members) == 3
    assert "changing the desired capacity from 2 to 3" in group.activities[0].cause


def test_a_new_minimum_below_the_desired_capacity_leaves_a_scaled_out_group_alone(cloud: Cloud) -> None:
    group = cloud.in_service(desired=4)
    cloud.engine.update(group, GroupSettings(min_size=1))
    assert group.desired == 4


def test_desired_capacity_outside_the_bounds_is_refused(cloud: Cloud) -> None:
    group = cloud.in_service()
    with pytest.raises(AwsError, match="above max value 4"):
        cloud.engine.set_desired(group, 5)
    with pytest.raises(AwsError, match="below min value 2"):
        cloud.engine.set_desired(group, 1)


def test_a_launch_that_ec2_refuses_is_in_the_history_and_tried_again(cloud: Cloud) -> None:
    cloud.instances.refuse = "The image id '[ami-1]' does not exist"
    group = cloud.group()
    assert not group.members
    assert group.activities[0].status == "Failed"
    assert "does not exist. Launching EC2 instance failed." in group.activities[0].message
    cloud.instances.refuse = ""
    cloud.tick(1)
    assert len(group.activities) == 1
    cloud.tick(60)
    assert len(group.members) == 2


def test_terminating_an_instance_replaces_it_or_shrinks_the_group(cloud: Cloud) -> None:
    """API reference, TerminateInstanceInAutoScalingGroup.ShouldDecrementDesiredCapacity."""
    group = cloud.in_service(min_size=1, desired=2)
    first, second = group.members.values()
    cloud.engine.terminate(group, first, decrement=True)
    assert group.desired == 1
    cloud.engine.terminate(group, second, decrement=False)
    assert states(group) == ["Terminating", "Terminating", "Pending"]
    with pytest.raises(AwsError, match="violate group's min size"):
        cloud.engine.terminate(group, second, decrement=True)


def test_the_first_activity_says_who_wanted_it_and_what_was_done(cloud: Cloud) -> None:
    """User guide, "Verify a scaling activity for an Auto Scaling group"."""
    group = cloud.group(min_size=1)
    assert group.activities[0].cause == (
        "At 1970-01-12T13:46:40Z a user request created an AutoScalingGroup changing the desired capacity from 0 to "
        "1.  At 1970-01-12T13:46:40Z an instance was started in response to a difference between desired and actual "
        "capacity, increasing the capacity from 0 to 1."
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (GroupSettings(min_size=5), "Max bound must be greater than or equal to Min bound"),
        (GroupSettings(desired=9), "must be between the specified min size:2 and max size:4"),
        (GroupSettings(subnets=["subnet-x"]), "The subnet ID 'subnet-x' does not exist"),
        (GroupSettings(subnets=["subnet-a"]), "localcloud does not support taking a subnet with instances out"),
        (GroupSettings(health_check_types=["EBS"]), "localcloud does not support HealthCheckType EBS yet"),
        (GroupSettings(target_groups=["arn:x"]), "Target group not found"),
    ],
)
def test_a_refused_update_changes_nothing(cloud: Cloud, settings: GroupSettings, sentence: str) -> None:
    group = cloud.in_service()
    before = repr(group)
    with pytest.raises(AwsError, match=sentence):
        cloud.engine.update(group, settings)
    assert repr(group) == before

"""Log groups, as CloudWatch Logs has them now."""

from __future__ import annotations

from ministack.services import cloudwatch_logs

from localcloud.control_plane.drift.readers import Properties, present, register, tag_list


def install() -> None:
    register("AWS::Logs::LogGroup", _log_group)


def _log_group(name: str, _: Properties) -> Properties | None:
    record = cloudwatch_logs._log_groups.get(name)
    return record and present(
        LogGroupName=name,
        RetentionInDays=record.get("retentionInDays"),
        Tags=tag_list(record.get("tags")),
    )

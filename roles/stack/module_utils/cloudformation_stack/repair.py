"""What a stack's status asks for before it can be planned: a table, and nothing but a table."""

from __future__ import annotations

import enum

from .options import Options

# Every change set of ours carries this prefix, so that a leftover can be told from somebody else's.
CHANGE_SET_PREFIX = "ansible-"


class Step(enum.Enum):
    """The next thing to do with a stack."""

    CREATE = "create it"
    UPDATE = "compare and update it"
    AWAIT = "wait for the operation that is running"
    RECREATE = "delete it and create it again"
    CONTINUE_ROLLBACK = "continue the rollback that failed"


# Sources: "Stack status codes" and "Continue rolling back an update" in the CloudFormation user guide.
_STEPS: dict[str, Step] = {
    "CREATE_COMPLETE": Step.UPDATE,
    "UPDATE_COMPLETE": Step.UPDATE,
    "UPDATE_ROLLBACK_COMPLETE": Step.UPDATE,
    "IMPORT_COMPLETE": Step.UPDATE,
    "IMPORT_ROLLBACK_COMPLETE": Step.UPDATE,
    # Reached only with rollback switched off by somebody else; an update is allowed from here.
    "UPDATE_FAILED": Step.UPDATE,
    "IMPORT_ROLLBACK_FAILED": Step.UPDATE,
    "REVIEW_IN_PROGRESS": Step.RECREATE,
    "CREATE_FAILED": Step.RECREATE,
    "ROLLBACK_COMPLETE": Step.RECREATE,
    "ROLLBACK_FAILED": Step.RECREATE,
    "DELETE_FAILED": Step.RECREATE,
    "UPDATE_ROLLBACK_FAILED": Step.CONTINUE_ROLLBACK,
    "DELETE_COMPLETE": Step.CREATE,
}

# Deleting these loses nothing that ever served: protection may be lifted without being asked.
NEVER_SUCCEEDED = frozenset({"REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})

# Ends of an operation that did what it was asked to.
SUCCESS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE"})


def next_step(status: str | None) -> Step:
    """The step for a status, None meaning that there is no stack.

    Raises ValueError for a status CloudFormation has invented since.
    """
    if status is None:
        return Step.CREATE
    if status in _STEPS:
        return _STEPS[status]
    if status.endswith("_IN_PROGRESS"):
        return Step.AWAIT
    raise ValueError(f"unknown stack status {status}")


def is_ours(change_set_name: str) -> bool:
    """Whether a change set was made by this plugin."""
    return change_set_name.startswith(CHANGE_SET_PREFIX)


def rollback_remedy(options: Options, region: str, resources: list[str]) -> str:
    """The exact commands for a rollback that cannot finish by itself."""
    skip = f" --resources-to-skip {' '.join(resources)}" if resources else ""
    return (
        "Remove what prevents it and run this again, or leave those resources as they are: "
        f"{options.variable('resources_to_skip')}: [{', '.join(resources)}], or by hand "
        f"`aws cloudformation continue-update-rollback --region {region} --stack-name {options.name}{skip}`. "
        "A skipped resource no longer matches its template: check it for drift afterwards."
    )


def delete_remedy(options: Options, region: str, resources: list[str]) -> str:
    """The exact commands for a deletion that cannot finish by itself."""
    return (
        f"Empty or release {', '.join(resources) or 'what is named above'} and run this again, or give up the "
        f"stack and leave those resources behind: {options.variable('force_delete')}: true, or by hand "
        f"`aws cloudformation delete-stack --region {region} --stack-name {options.name} "
        "--deletion-mode FORCE_DELETE_STACK`."
    )

"""Action: a further tag on an image that is in a repository already, without pulling it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

# The stack role's package has the session: credentials and endpoint of the play, clients, retries.
sys.path.append(str(Path(__file__).resolve().parents[2] / "stack" / "module_utils"))

from cloudformation_stack.controller_action import ControllerAction
from cloudformation_stack.errors import StackError, error_code


class ActionModule(ControllerAction):
    """Options: C(registry_id), an account; C(repository); C(digest) of the image; C(tag) to add. No module does it."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        name: {"type": "str", "required": True} for name in ("registry_id", "repository", "digest", "tag")
    }

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"changed": _tagged(self.clients()("ecr"), options, self._task.check_mode)}
        except Exception as error:  # botocore's are told; anything else is a bug with its trace
            if not error_code(error):
                raise
            raise StackError(f"The image {options['digest']} was not tagged {options['tag']}: {error}") from error


def _tagged(client: Any, options: dict[str, str], check: bool) -> bool:
    """Whether the tag had to be added.

    :raises StackError: there is no such image.
    """
    where = {"registryId": options["registry_id"], "repositoryName": options["repository"]}
    images = client.batch_get_image(**where, imageIds=[{"imageDigest": options["digest"]}])["images"]
    if not images:
        raise StackError(f"The repository {options['repository']} has no image {options['digest']} any more.")
    tagged = client.batch_get_image(**where, imageIds=[{"imageTag": options["tag"]}])["images"]
    if any(image["imageId"]["imageDigest"] == options["digest"] for image in tagged):
        return False
    if check:
        return True
    # Without it, ECR has to guess from the manifest, which old ones do not allow.
    more = {name: images[0][name] for name in ("imageManifestMediaType",) if name in images[0]}
    client.put_image(**where, imageManifest=images[0]["imageManifest"], imageTag=options["tag"], **more)
    return True

"""The certificate's private key is in memory only: on no disk, in no log."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.cloud import Cloud

PLAYBOOK = "tests/end_to_end/playbooks/certificate.yml"
MARK = b"PRIVATE KEY"


@contextlib.contextmanager
def watched(directory: Path) -> Iterator[set[str]]:
    """Read every file that appears below a directory, over and over, until the block is left.

    Yields the names of those with a private key in them.
    """
    keys: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            # Not rglob, which gives up where a directory vanishes under it.
            for folder, _, names in os.walk(directory):
                for name in names:
                    with contextlib.suppress(OSError):
                        if MARK in (Path(folder) / name).read_bytes():
                            keys.add(name)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield keys
    finally:
        stop.set()
        thread.join()


def environment(directory: Path) -> dict[str, str]:
    """Every place where Ansible or its modules may put a file, in one directory."""
    return {
        "ANSIBLE_LOCAL_TEMP": str(directory / "local"),
        "ANSIBLE_REMOTE_TEMP": str(directory / "remote"),
        "TMPDIR": str(directory),
    }


def test_the_key_is_in_no_file_and_in_no_log(cloud: Cloud, tmp_path: Path) -> None:
    with watched(tmp_path) as keys:
        run = cloud.playbook(PLAYBOOK, "-vvvv", variables={"env_name": "keyless"}, environment=environment(tmp_path))
    assert run.status == 0, run.output
    assert run.changed == 1
    assert keys == set()
    assert MARK.decode() not in run.output


def test_modules_get_no_file_to_be_found_in(cloud: Cloud, tmp_path: Path) -> None:
    """The same where a module's file could not be written at all: stronger than any watch."""
    nowhere = {**environment(tmp_path), "ANSIBLE_REMOTE_TEMP": "/dev/null/nowhere"}
    run = cloud.playbook(PLAYBOOK, variables={"env_name": "nowhere"}, environment=nowhere)
    assert run.status == 0, run.output


def test_the_watch_sees_what_ansible_writes_without_pipelining(cloud: Cloud, tmp_path: Path) -> None:
    """That the first test can fail: without pipelining the key passes through a file, which is seen."""
    unsafe = {**environment(tmp_path), "ANSIBLE_PIPELINING": "false", "ANSIBLE_KEEP_REMOTE_FILES": "true"}
    with watched(tmp_path) as keys:
        run = cloud.playbook(PLAYBOOK, variables={"env_name": "unsafe"}, environment=unsafe)
    assert run.status == 0, run.output
    assert keys


def test_a_certificate_near_its_end_is_renewed_under_its_arn(cloud: Cloud) -> None:
    first = cloud.playbook(PLAYBOOK, variables={"env_name": "renewed"})
    assert first.changed == 1, first.output
    again = cloud.playbook(PLAYBOOK, variables={"env_name": "renewed", "certificate_renew_days": 30})
    assert again.changed == 0, again.output
    before = certificates(cloud, "renewed")
    renewed = cloud.playbook(PLAYBOOK, variables={"env_name": "renewed", "certificate_renew_days": 398})
    assert renewed.changed == 1, renewed.output
    after = certificates(cloud, "renewed")
    assert set(after) == set(before)
    assert after != before


def certificates(cloud: Cloud, env_name: str) -> dict[str, str]:
    """ARN → PEM of every certificate with the environment's tag."""
    acm = cloud.client("acm")
    found = {}
    for summary in acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]:
        arn = summary["CertificateArn"]
        if {"Key": "env", "Value": env_name} in acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]:
            found[arn] = acm.get_certificate(CertificateArn=arn)["Certificate"]
    return found

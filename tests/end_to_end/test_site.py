"""site.yml on the local cloud: what a user gets from `make local`, seen from outside."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from localcloud.mailbox import Mailbox
from tests.client import Load, negotiates, trusting
from tests.cloud import Cloud, engine, running
from tests.end_to_end.conftest import Deployed, everything

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def empty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A second local cloud, beside the one that other tests deploy to."""
    with running(tmp_path_factory.mktemp("localcloud")) as cloud:
        yield cloud


def test_check_mode_on_an_empty_cloud_neither_fails_nor_writes(empty_cloud: Cloud) -> None:
    before = everything(empty_cloud)
    assert before["stacks"] == []
    run = empty_cloud.playbook("site.yml", "--check", "--diff")
    assert run.status == 0, run.output
    assert run.changed > 0
    assert everything(empty_cloud) == before


def test_the_first_run_prints_the_address(deployed: Deployed) -> None:
    assert deployed.first_run.changed > 0
    assert f"https://{deployed.host}/" in deployed.first_run.output


def test_a_second_run_changes_nothing(deployed: Deployed) -> None:
    before = everything(deployed.cloud)
    run = deployed.cloud.playbook("site.yml")
    assert run.status == 0, run.output
    assert run.changed == 0, run.output
    assert everything(deployed.cloud) == before


def test_an_address_is_named_until_its_owner_has_confirmed(deployed: Deployed) -> None:
    address = "operator@example.com"
    ask = f"No alarm of hello local reaches {address} yet"
    assert ask in deployed.first_run.output
    # Other environments have topics of their own, and the same address.
    topic = deployed.outputs("hello-local-load-balancer")["AlertTopicArn"]
    (asked,) = [mail for mail in Mailbox(deployed.cloud.state_dir).mails() if f"{topic}\n" in mail.text]
    confirmed = deployed.cloud.command("mailbox", "confirm", str(asked.number))
    assert (confirmed.returncode, confirmed.stdout) == (0, f"{address} has confirmed\n"), confirmed.stderr
    run = deployed.cloud.playbook("site.yml")
    assert run.status == 0, run.output
    assert (run.changed, address in run.output) == (0, False), run.output


def test_check_mode_on_a_deployed_cloud_tells_of_no_change_and_writes_nothing(deployed: Deployed) -> None:
    before = everything(deployed.cloud)
    run = deployed.cloud.playbook("site.yml", "--check", "--diff")
    assert run.status == 0, run.output
    assert run.changed == 0, run.output
    assert everything(deployed.cloud) == before


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_client_that_trusts_only_the_certificate_gets_the_page(deployed: Deployed, http2: bool) -> None:
    with httpx.Client(verify=trusting(deployed.certificate), http1=not http2, http2=http2, trust_env=False) as client:
        answer = client.get(f"https://{deployed.host}/")
    assert (answer.status_code, answer.text.strip()) == (200, "Hello World!")
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")


def test_a_client_that_trusts_the_system_is_refused(deployed: Deployed) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://{deployed.host}/", trust_env=False)


@pytest.mark.parametrize(
    ("version", "agreed"),
    [(ssl.TLSVersion.TLSv1_1, None), (ssl.TLSVersion.TLSv1_2, "http/1.1"), (ssl.TLSVersion.TLSv1_3, "http/1.1")],
    ids=["TLS 1.1", "TLS 1.2", "TLS 1.3"],
)
def test_tls_versions(deployed: Deployed, version: ssl.TLSVersion, agreed: str | None) -> None:
    assert negotiates(deployed.host, version, deployed.certificate) == agreed


def test_at_least_two_instances_answer_with_the_release_that_was_deployed(deployed: Deployed) -> None:
    with httpx.Client(verify=trusting(deployed.certificate), trust_env=False) as client:
        answers = [client.get(f"https://{deployed.host}/version").json() for _ in range(10)]
    assert len({answer["instance_id"] for answer in answers}) >= 2
    (parameters,) = deployed.cloud.client("cloudformation").describe_stacks(StackName="hello-local-fleet-blue")[
        "Stacks"
    ]
    values = {item["ParameterKey"]: item["ParameterValue"] for item in parameters["Parameters"]}
    assert {answer["image_digest"] for answer in answers} == {values["ImageDigest"]}
    assert {answer["environment"] for answer in answers} == {"local"}


def test_port_80_refuses_the_connection(deployed: Deployed) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((deployed.host, 80), timeout=5)


def test_the_preview_header_leads_to_the_idle_fleet(deployed: Deployed) -> None:
    """Green has no instance yet: the load balancer itself must answer 503, and blue must not."""
    with httpx.Client(verify=trusting(deployed.certificate), trust_env=False) as client:
        url = f"https://{deployed.host}/"
        assert client.get(url, headers={"X-Fleet-Preview": "green"}).status_code == 503
        assert client.get(url, headers={"X-Fleet-Preview": "blue"}).status_code == 200


def test_a_browser_shows_the_page(deployed: Deployed, tmp_path: Path) -> None:
    """A real browser, told to trust this one certificate by its public key."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    assert browser, "chromium is missing: scripts/system_packages test installs it"
    fingerprint = subprocess.run(
        f"openssl x509 -in {deployed.certificate} -pubkey -noout | openssl pkey -pubin -outform der"
        " | openssl dgst -sha256 -binary | openssl base64",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    page = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path}",
            f"--ignore-certificate-errors-spki-list={fingerprint}",
            "--dump-dom",
            f"https://{deployed.host}/",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert "Hello World!" in page


def test_a_killed_instance_is_replaced_and_costs_only_what_was_sent_to_it_unnoticed(deployed: Deployed) -> None:
    """20 requests a second while one of two instances is killed.

    The load balancer learns of the death by its health checks: `UnhealthyThreshold` failures, one each
    `HealthCheckIntervalSeconds`, so at the latest after (threshold + 1) intervals, of which the first may just have
    been missed, plus the time-out of the last check. Until then half of the requests are sent to the dead target and
    fail (the load balancer retries nothing). After that not one may fail.
    """
    interval, timeout, threshold, rate = 5.0, 2.0, 2, 20.0
    detection = interval * (threshold + 1) + timeout
    before = deployed.instances_in_service()
    assert len(before) == 2
    victim = before[0]

    with Load(deployed.host, trusting(deployed.certificate), rate).running(most_seconds=150) as load:
        time.sleep(2)  # A stretch of load on the whole fleet, so that the test would see a failure from before.
        killed_at = time.time()
        subprocess.run([engine(), "kill", "--signal", "KILL", _container(victim)], check=True, capture_output=True)
        deadline = time.monotonic() + 120
        while not (len(deployed.healthy()) == 2 and victim not in deployed.instances_in_service()):
            assert time.monotonic() < deadline, f"{victim} was not replaced within 120 s"
            time.sleep(1)
        time.sleep(3)  # A stretch of load on the new fleet, for the same reason.

    failures = [answer for answer in load.answers if answer.failed]
    assert not [answer for answer in failures if answer.sent_at < killed_at]
    late = [answer for answer in failures if answer.sent_at > killed_at + detection]
    assert not late, late
    assert len(failures) <= rate * detection / 2
    served_by = {json.loads(answer.text)["instance_id"] for answer in load.answers[-20:]}
    assert len(served_by) == 2
    assert victim not in served_by


def _container(instance_id: str) -> str:
    listing = subprocess.run(
        [engine(), "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"], capture_output=True, text=True, check=True
    ).stdout
    machines = [line.split()[0] for line in listing.splitlines() if line.split()[1].endswith(instance_id)]
    assert len(machines) == 1, listing
    return machines[0]

"""Certificate Manager: what it says of imported certificates, and what it refuses."""

from __future__ import annotations

import datetime
import ssl
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec

from tests.contract.load_balancing.certificates import NAMES, rsa_key, self_signed
from tests.contract.load_balancing.conftest import Account


def test_describe_says_what_the_certificate_says(account: Account) -> None:
    """CertificateDetail in the ACM API reference."""
    issued = self_signed(days=47)
    arn = account.certificate(issued)
    detail = account.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    assert detail["NotBefore"] == issued.parsed.not_valid_before_utc
    assert detail["NotAfter"] == issued.parsed.not_valid_after_utc
    assert detail["DomainName"] == "hello.example"
    assert set(detail["SubjectAlternativeNames"]) == set(NAMES)
    assert detail["KeyAlgorithm"] == "EC_prime256v1"
    assert detail["SignatureAlgorithm"] == "SHA256WITHECDSA"
    assert int(detail["Serial"].replace(":", ""), 16) == issued.parsed.serial_number
    assert detail["Issuer"] == "hello.example"
    assert (detail["Type"], detail["Status"], detail["InUseBy"]) == ("IMPORTED", "ISSUED", [])
    assert detail["KeyUsages"] == [{"Name": "DIGITAL_SIGNATURE"}, {"Name": "CERTIFICATE_SIGNING"}]
    assert abs(detail["ImportedAt"] - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=1)


def test_get_returns_the_body_and_itself_for_a_chain_that_was_not_given(account: Account) -> None:
    """GetCertificate in the ACM API reference, which is silent on an absent chain: the certificate itself, as
    community.aws.acm_certificate has seen it and compares it."""
    issued = self_signed()
    arn = account.certificate(issued)
    answer = account.client("acm").get_certificate(CertificateArn=arn)
    assert answer["Certificate"].encode() == issued.certificate
    assert answer["CertificateChain"].encode() == issued.certificate


def test_list_shows_rsa_only_unless_asked(account: Account) -> None:
    """Filters, keyTypes: "Default filtering returns only RSA_1024 and RSA_2048 certificates"."""
    elliptic, classic = account.certificate(), account.certificate(self_signed(rsa_key()))
    acm = account.client("acm")
    listed = [each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]]
    assert classic in listed
    assert elliptic not in listed
    listed = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
    assert [(each["CertificateArn"], each["InUse"]) for each in listed] == [(elliptic, False)]


def test_reimport_keeps_arn_and_tags(account: Account) -> None:
    """ "Reimport a certificate" in the ACM user guide."""
    acm = account.client("acm")
    first, second = self_signed(), self_signed(days=60)
    arn = acm.import_certificate(
        Certificate=first.certificate, PrivateKey=first.key, Tags=[{"Key": "app", "Value": "hello"}]
    )["CertificateArn"]
    account.later(lambda: acm.delete_certificate(CertificateArn=arn))
    again = acm.import_certificate(CertificateArn=arn, Certificate=second.certificate, PrivateKey=second.key)
    assert again["CertificateArn"] == arn
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "app", "Value": "hello"}]
    detail = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert detail["NotAfter"] == second.parsed.not_valid_after_utc


def test_reimport_cannot_change_key_type_or_size_nor_tag(account: Account) -> None:
    """ "The key type and size cannot be changed", "You cannot apply resource tags when reimporting a certificate"."""
    acm = account.client("acm")
    arn = account.certificate()
    for key in (rsa_key(), ec.generate_private_key(ec.SECP384R1())):
        other = self_signed(key)
        with pytest.raises(ClientError, match=r"ValidationException.*key type and size cannot be changed"):
            acm.import_certificate(CertificateArn=arn, Certificate=other.certificate, PrivateKey=other.key)
    same = self_signed()
    with pytest.raises(ClientError, match="ValidationException"):
        acm.import_certificate(
            CertificateArn=arn, Certificate=same.certificate, PrivateKey=same.key, Tags=[{"Key": "a", "Value": "b"}]
        )


def test_what_import_refuses(account: Account) -> None:
    """The guidelines in ImportCertificate, ACM API reference."""
    acm = account.client("acm")
    good, other = self_signed(), self_signed()
    for certificate, key, why in (
        (good.certificate, other.key, "does not match"),
        (good.certificate, b"no key", "not a PEM-encoded, unencrypted private key"),
        (b"no certificate", good.key, "not a PEM-encoded X.509 certificate"),
        (good.certificate + other.certificate, good.key, "more than one certificate"),
    ):
        with pytest.raises(ClientError, match=rf"ValidationException.*{why}"):
            acm.import_certificate(Certificate=certificate, PrivateKey=key)
    for starts_in, days in ((-10, 5), (3, 5)):
        wrong_time = self_signed(starts_in=starts_in, days=days)
        with pytest.raises(ClientError, match="between its Not Before and Not After"):
            acm.import_certificate(Certificate=wrong_time.certificate, PrivateKey=wrong_time.key)
    with pytest.raises(ClientError, match="does not certify"):
        acm.import_certificate(Certificate=good.certificate, PrivateKey=good.key, CertificateChain=other.certificate)
    missing = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        acm.import_certificate(CertificateArn=missing, Certificate=good.certificate, PrivateKey=good.key)


def test_a_certificate_in_use_stays(account: Account) -> None:
    """DeleteCertificate: ResourceInUseException "The certificate is in use by another Amazon Web Services service in
    the caller's account. Remove the association and try again."."""
    acm, elb = account.client("acm"), account.client("elbv2")
    arn = account.certificate()
    balancer, group = account.load_balancer("in-use"), account.target_group("in-use")
    listener = account.listener(balancer, arn, {group: 1})
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [balancer]
    with pytest.raises(ClientError, match="ResourceInUseException"):
        acm.delete_certificate(CertificateArn=arn)
    elb.delete_listener(ListenerArn=listener)
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == []
    acm.delete_certificate(CertificateArn=arn)


def test_the_listener_shows_what_was_imported_last(account: Account) -> None:
    issued, renewed = self_signed(), self_signed(days=90)
    arn = account.certificate(issued)
    balancer, group = account.load_balancer("renewed"), account.target_group("renewed")
    account.listener(balancer, arn, {group: 1})
    _await_certificate(account.address(balancer), issued.certificate)
    account.client("acm").import_certificate(
        CertificateArn=arn, Certificate=renewed.certificate, PrivateKey=renewed.key
    )
    _await_certificate(account.address(balancer), renewed.certificate)


def _await_certificate(address: str, wanted: bytes) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            if ssl.get_server_certificate((address, 443)).strip() == wanted.decode().strip():
                return
        except OSError:
            pass
        assert time.monotonic() < end
        time.sleep(0.1)


def test_certificates_that_acm_would_issue_are_refused_by_name(account: Account) -> None:
    with pytest.raises(ClientError, match="localcloud does not support certificates issued by ACM"):
        account.client("acm").request_certificate(DomainName="hello.example")


def test_no_private_key_reaches_a_log(account: Account, server: tuple[str, Path]) -> None:
    issued = self_signed()
    account.certificate(issued)
    secret = issued.key.decode().splitlines()[2]
    logs = [file.read_text(errors="replace") for file in server[1].rglob("log*") if file.is_file()]
    assert logs
    assert not any(secret in log or "PRIVATE KEY" in log for log in logs)

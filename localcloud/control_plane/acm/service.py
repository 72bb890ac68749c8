"""Certificate Manager of the local cloud: imported certificates as they really are.

MiniStack keeps the records, tags and ARNs; what the certificate itself says is read from it at every answer.
Reference: https://docs.aws.amazon.com/acm/latest/APIReference/ and "Reimport a certificate" in the user guide.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import acm

from localcloud.control_plane.acm import x509
from localcloud.control_plane.elbv2.specs import certificates_in_use
from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.monitoring.sources import Expiry
from localcloud.wire import AwsError

Record = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

DEFAULT_KEY_TYPES = ("RSA_1024", "RSA_2048")
"""Filters.keyTypes of ListCertificates: "Default filtering returns only RSA_1024 and RSA_2048 certificates"."""

_ministack: dict[str, Callable[[Record], Response]] = {}


def _record(arn: str) -> Record:
    record: Record | None = acm._get_local_certificate(arn)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Could not find certificate {arn}.")
    return record


def in_use_by(arn: str) -> list[str]:
    return certificates_in_use().get(arn, [])


def import_certificate(data: Record) -> Record:
    certificate = x509.decode(data.get("Certificate"), "certificate")
    chain = x509.decode(data.get("CertificateChain"), "certificate chain")
    key = x509.decode(data.get("PrivateKey"), "private key")
    if not certificate or not key:
        raise x509.invalid("Certificate and PrivateKey must be given")
    facts = x509.read(certificate)
    x509.verify(certificate, chain, key)
    arn = data.get("CertificateArn")
    if arn:
        _assert_reimportable(_record(arn), facts, data)
    status, _, body = _ministack["import"]({**data, "CertificateChain": data.get("CertificateChain") or ""})
    answer: Record = json.loads(body)
    if status >= 400:
        raise AwsError(answer["__type"], answer["message"])
    record = _record(answer["CertificateArn"])
    record["ImportedAt"] = time.time()
    # Names of the record are what MiniStack's own code and its stack engine read.
    record["DomainName"], record["SubjectAlternativeNames"] = facts.domain_name, list(facts.alternative_names)
    return {"CertificateArn": answer["CertificateArn"]}


def _assert_reimportable(record: Record, facts: x509.Facts, data: Record) -> None:
    """The conditions of "Reimport a certificate" in the user guide."""
    if record.get("Type") != "IMPORTED":
        raise x509.invalid("Only an imported certificate can be imported again")
    if data.get("Tags"):
        raise x509.invalid("Tagging is not permitted on re-import.")
    before = x509.read(record["_pem_body"])
    if before.key_algorithm != facts.key_algorithm:
        raise x509.invalid(
            f"The key type and size cannot be changed: it was {before.key_algorithm}, it would be {facts.key_algorithm}"
        )
    lost = set(before.key_usages) - set(facts.key_usages) if facts.key_usages or before.key_usages else set()
    lost |= {name for name, _ in set(before.extended_key_usages) - set(facts.extended_key_usages)}
    if lost - {"TLS_WEB_CLIENT_AUTHENTICATION"}:
        raise x509.invalid(f"Key usages cannot be removed: {', '.join(sorted(lost))}")


def expiries() -> list[Expiry]:
    """Of every imported certificate, in every account and region."""
    with LOCK:
        return [
            Expiry(record["CertificateArn"], float(x509.read(record["_pem_body"]).not_after), record["ImportedAt"])
            for _, record in list(acm._certificates.all_items())
            if "ImportedAt" in record
        ]


def describe_certificate(data: Record) -> Record:
    record = _record(data.get("CertificateArn", ""))
    facts = x509.read(record["_pem_body"])
    detail = {
        "CertificateArn": record["CertificateArn"],
        "DomainName": facts.domain_name,
        "SubjectAlternativeNames": facts.alternative_names,
        "Serial": facts.serial,
        "Subject": facts.subject,
        "Issuer": facts.issuer,
        "CreatedAt": acm._epoch(record["CreatedAt"]),
        "ImportedAt": record["ImportedAt"],
        "Status": _status(facts),
        "NotBefore": facts.not_before,
        "NotAfter": facts.not_after,
        "KeyAlgorithm": facts.key_algorithm,
        "SignatureAlgorithm": facts.signature_algorithm,
        "InUseBy": in_use_by(record["CertificateArn"]),
        "Type": "IMPORTED",
        "KeyUsages": [{"Name": name} for name in facts.key_usages],
        "ExtendedKeyUsages": [{"Name": name, "OID": oid} for name, oid in facts.extended_key_usages],
        "RenewalEligibility": "INELIGIBLE",
        "Options": {"CertificateTransparencyLoggingPreference": "DISABLED"},
    }
    return {"Certificate": detail}


def _status(facts: x509.Facts) -> str:
    return "ISSUED" if facts.not_after > time.time() else "EXPIRED"


def list_certificates(data: Record) -> Record:
    statuses = data.get("CertificateStatuses") or []
    types = (data.get("Includes") or {}).get("keyTypes") or DEFAULT_KEY_TYPES
    summaries = []
    for record in acm._certificates.values():
        facts = x509.read(record["_pem_body"])
        if facts.key_algorithm not in types or (statuses and _status(facts) not in statuses):
            continue
        summaries.append(
            {
                "CertificateArn": record["CertificateArn"],
                "DomainName": facts.domain_name,
                "SubjectAlternativeNameSummaries": facts.alternative_names[:100],
                "HasAdditionalSubjectAlternativeNames": len(facts.alternative_names) > 100,
                "Status": _status(facts),
                "Type": "IMPORTED",
                "KeyAlgorithm": facts.key_algorithm,
                "KeyUsages": facts.key_usages,
                "ExtendedKeyUsages": [name for name, _ in facts.extended_key_usages],
                "InUse": bool(in_use_by(record["CertificateArn"])),
                "RenewalEligibility": "INELIGIBLE",
                "NotBefore": facts.not_before,
                "NotAfter": facts.not_after,
                "CreatedAt": acm._epoch(record["CreatedAt"]),
                "ImportedAt": record["ImportedAt"],
            }
        )
    return {"CertificateSummaryList": summaries}


def get_certificate(data: Record) -> Record:
    record = _record(data.get("CertificateArn", ""))
    # Imported without a chain, a self-signed certificate comes back as its own: undocumented, and what the
    # maintainers of community.aws.acm_certificate, which relies on it, saw on AWS.
    return {"Certificate": record["_pem_body"], "CertificateChain": record.get("_pem_chain") or record["_pem_body"]}


def delete_certificate(data: Record) -> Record:
    arn = data.get("CertificateArn", "")
    _record(arn)
    if in_use_by(arn):
        account = arn.split(":")[4]
        raise AwsError("ResourceInUseException", f"Certificate {arn} in account {account} is in use.")
    del acm._certificates[arn]
    return {}


def request_certificate(_: Record) -> Record:
    raise x509.invalid(
        "localcloud does not support certificates issued by ACM yet; on AWS this would begin their validation. "
        "Import a certificate instead"
    )


def _handler(act: Callable[[Record], Record]) -> Callable[[Record], Response]:
    def respond(data: Record) -> Response:
        headers = {"Content-Type": "application/x-amz-json-1.1"}
        try:
            with LOCK:
                return 200, headers, json.dumps(act(data)).encode()
        except AwsError as error:
            headers["x-amzn-errortype"] = error.code
            return error.status, headers, json.dumps({"__type": error.code, "message": error.message}).encode()

    return respond


def install() -> None:
    """Puts these operations in the place of MiniStack's; a second call changes nothing."""
    if _ministack:
        return
    _ministack["import"] = acm._import_certificate
    acm._import_certificate = _handler(import_certificate)
    acm._describe_certificate = _handler(describe_certificate)
    acm._list_certificates = _handler(list_certificates)
    acm._get_certificate = _handler(get_certificate)
    acm._delete_certificate = _handler(delete_certificate)
    acm._request_certificate = _handler(request_certificate)

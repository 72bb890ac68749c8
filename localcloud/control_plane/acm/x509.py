"""What ACM knows of an imported certificate: read out of the certificate itself."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from localcloud.wire import AwsError

_CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
_RSA_SIZES = (1024, 2048, 3072, 4096)
MAX_KEY_BYTES = 5120
"""ImportCertificate: "The private key must be no larger than 5 KB (5,120 bytes)"."""

_USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE",
    "content_commitment": "NON_REPUDIATION",
    "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT",
    "key_agreement": "KEY_AGREEMENT",
    "key_cert_sign": "CERTIFICATE_SIGNING",
    "crl_sign": "CRL_SIGNING",
}
_EXTENDED_USAGES = {
    "1.3.6.1.5.5.7.3.1": "TLS_WEB_SERVER_AUTHENTICATION",
    "1.3.6.1.5.5.7.3.2": "TLS_WEB_CLIENT_AUTHENTICATION",
    "1.3.6.1.5.5.7.3.3": "CODE_SIGNING",
    "1.3.6.1.5.5.7.3.4": "EMAIL_PROTECTION",
    "1.3.6.1.5.5.7.3.8": "TIME_STAMPING",
    "1.3.6.1.5.5.7.3.9": "OCSP_SIGNING",
}


@dataclass(frozen=True)
class Facts:
    """Names as in CertificateDetail of the ACM API reference. Times are Unix time in seconds."""

    domain_name: str
    alternative_names: tuple[str, ...]
    serial: str
    subject: str
    issuer: str
    not_before: float
    not_after: float
    key_algorithm: str
    signature_algorithm: str
    key_usages: tuple[str, ...]
    extended_key_usages: tuple[tuple[str, str], ...]


def invalid(sentence: str) -> AwsError:
    return AwsError("ValidationException", sentence)


def decode(value: str | None, field: str) -> str:
    """A blob of the JSON protocol as text. Raises AwsError without repeating its content: it may be a key."""
    if not value:
        return ""
    try:
        return base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise invalid(f"The {field} is not PEM-encoded") from None


def read(certificate_pem: str) -> Facts:
    certificate = _load(certificate_pem, "certificate")
    names = _alternative_names(certificate)
    subject = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    domain = next((str(name) for name in [*(each.value for each in subject), *names]), "")
    if not domain:
        raise invalid("The certificate names no domain")
    issuers = certificate.issuer.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    issuers = issuers or certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if not issuers:
        raise invalid("The certificate's issuer is empty")
    serial = f"{certificate.serial_number:x}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    return Facts(
        domain_name=domain,
        alternative_names=tuple(dict.fromkeys([domain, *names])),
        serial=":".join(re.findall("..", serial)),
        subject=certificate.subject.rfc4514_string(),
        issuer=str(issuers[0].value),
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        key_algorithm=_key_algorithm(certificate),
        signature_algorithm=_signature_algorithm(certificate),
        key_usages=_key_usages(certificate),
        extended_key_usages=_extended_key_usages(certificate),
    )


def verify(certificate_pem: str, chain_pem: str, key_pem: str, now: datetime | None = None) -> None:
    """What ImportCertificate checks before it takes a certificate. Raises AwsError ValidationException."""
    certificate = _load(certificate_pem, "certificate")
    now = now or datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise invalid("The certificate is not valid now: the time must be between its Not Before and Not After")
    if len(key_pem) > MAX_KEY_BYTES:
        raise invalid(f"The private key must not be larger than {MAX_KEY_BYTES} bytes")
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    except (ValueError, TypeError):
        raise invalid("The private key is not a PEM-encoded, unencrypted private key") from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise invalid("The private key does not match the certificate")
    _verify_chain(certificate, chain_pem)


def _verify_chain(certificate: x509.Certificate, chain_pem: str) -> None:
    """ "Each certificate in the chain must directly certify the one preceding." (Certificate import problems)"""
    if not chain_pem.strip():
        return
    try:
        chain = x509.load_pem_x509_certificates(chain_pem.encode())
    except ValueError:
        raise invalid("The certificate chain is not PEM-encoded") from None
    for signed, signer in zip([certificate, *chain], chain, strict=False):
        try:
            signed.verify_directly_issued_by(signer)
        except (ValueError, TypeError, InvalidSignature):
            raise invalid("The certificate chain does not certify the certificate") from None


def _load(pem: str, what: str) -> x509.Certificate:
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise invalid(f"The {what} is not a PEM-encoded X.509 certificate") from None
    if len(found) != 1:
        raise invalid(
            "The certificate field contains more than one certificate. "
            "You can specify only one certificate in this field."
        )
    return found[0]


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in extension.get_values_for_type(x509.IPAddress)]
    return [*extension.get_values_for_type(x509.DNSName), *addresses]


def _key_algorithm(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_SIZES:
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    raise invalid("The certificate's key algorithm is not supported: use RSA 1024 to 4096 or ECDSA P-256, P-384, P-521")


def _signature_algorithm(certificate: x509.Certificate) -> str:
    digest = certificate.signature_hash_algorithm
    name = digest.name.upper().replace("-", "") if digest else ""
    family = "ECDSA" if "ecdsa" in (certificate.signature_algorithm_oid._name or "").lower() else "RSA"
    return f"{name}WITH{family}"


def _key_usages(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name for attribute, name in _USAGES.items() if getattr(usage, attribute))


def _extended_key_usages(certificate: x509.Certificate) -> tuple[tuple[str, str], ...]:
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()
    return tuple((_EXTENDED_USAGES.get(usage.dotted_string, "CUSTOM"), usage.dotted_string) for usage in usages)

"""ELB's security policies as HAProxy settings.

Source: "SSL certificates for your Application Load Balancer", section "Security policies"
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html).

The post-quantum policies (PQ) add hybrid key exchanges to classic ones; OpenSSL 3.0 has only the classic ones,
which the policies offer as well, so a client sees no difference but the group. FIPS policies promise a validated
module, which this machine cannot: they are not in the table.
"""

from __future__ import annotations

from dataclasses import dataclass

_GCM = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_FORWARD_SECRET_CBC_SHA2 = (
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
)
_FORWARD_SECRET_CBC_SHA1 = (
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
)
_RSA_SHA2 = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA256", "AES256-SHA256")
_RSA_SHA1 = ("AES128-SHA", "AES256-SHA")

RESTRICTED = _GCM
FORWARD_SECRET = _GCM + _FORWARD_SECRET_CBC_SHA2
ALL_SHA2 = FORWARD_SECRET + _RSA_SHA2
EVERYTHING = _GCM + _FORWARD_SECRET_CBC_SHA2 + _FORWARD_SECRET_CBC_SHA1 + _RSA_SHA2 + _RSA_SHA1
FORWARD_SECRET_SHA1 = _GCM + _FORWARD_SECRET_CBC_SHA2 + _FORWARD_SECRET_CBC_SHA1


@dataclass(frozen=True)
class TlsPolicy:
    """Protocol bounds in HAProxy's words, and OpenSSL names of the ciphers up to TLS 1.2."""

    minimum: str
    maximum: str
    ciphers: tuple[str, ...] = ()

    def bind_options(self) -> str:
        """The part of HAProxy's `bind` line that this policy decides."""
        options = f"ssl-min-ver {self.minimum} ssl-max-ver {self.maximum}"
        if self.ciphers:
            # Distributions raise OpenSSL's security level so far that TLS 1.0 and 1.1 cannot be negotiated.
            level = ("@SECLEVEL=0",) if self.minimum in ("TLSv1.0", "TLSv1.1") else ()
            options += f" ciphers {':'.join((*self.ciphers, *level))}"
        return options


POLICIES: dict[str, TlsPolicy] = {
    "ELBSecurityPolicy-TLS13-1-3-2021-06": TlsPolicy("TLSv1.3", "TLSv1.3"),
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09": TlsPolicy("TLSv1.3", "TLSv1.3"),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": TlsPolicy("TLSv1.2", "TLSv1.3", RESTRICTED),
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09": TlsPolicy("TLSv1.2", "TLSv1.3", RESTRICTED),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": TlsPolicy("TLSv1.2", "TLSv1.3", FORWARD_SECRET),
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09": TlsPolicy("TLSv1.2", "TLSv1.3", FORWARD_SECRET),
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": TlsPolicy("TLSv1.2", "TLSv1.3", ALL_SHA2),
    "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09": TlsPolicy("TLSv1.2", "TLSv1.3", ALL_SHA2),
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": TlsPolicy("TLSv1.2", "TLSv1.3", EVERYTHING),
    "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09": TlsPolicy("TLSv1.2", "TLSv1.3", EVERYTHING),
    "ELBSecurityPolicy-TLS13-1-1-2021-06": TlsPolicy("TLSv1.1", "TLSv1.3", EVERYTHING),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": TlsPolicy("TLSv1.0", "TLSv1.3", EVERYTHING),
    "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09": TlsPolicy("TLSv1.0", "TLSv1.3", EVERYTHING),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": TlsPolicy("TLSv1.2", "TLSv1.2", RESTRICTED),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": TlsPolicy("TLSv1.2", "TLSv1.2", FORWARD_SECRET),
    "ELBSecurityPolicy-FS-1-2-2019-08": TlsPolicy("TLSv1.2", "TLSv1.2", FORWARD_SECRET_SHA1),
    "ELBSecurityPolicy-FS-1-1-2019-08": TlsPolicy("TLSv1.1", "TLSv1.2", FORWARD_SECRET_SHA1),
    "ELBSecurityPolicy-FS-2018-06": TlsPolicy("TLSv1.0", "TLSv1.2", FORWARD_SECRET_SHA1),
    "ELBSecurityPolicy-TLS-1-2-2017-01": TlsPolicy("TLSv1.2", "TLSv1.2", ALL_SHA2),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": TlsPolicy("TLSv1.2", "TLSv1.2", EVERYTHING),
    "ELBSecurityPolicy-TLS-1-1-2017-01": TlsPolicy("TLSv1.1", "TLSv1.2", EVERYTHING),
    "ELBSecurityPolicy-2016-08": TlsPolicy("TLSv1.0", "TLSv1.2", EVERYTHING),
    "ELBSecurityPolicy-2015-05": TlsPolicy("TLSv1.0", "TLSv1.2", EVERYTHING),
}
"""Without the FIPS policies and ELBSecurityPolicy-TLS-1-0-2015-04, whose DES cipher OpenSSL 3 no longer has."""

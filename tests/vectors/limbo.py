"""Runs the path validation tests of C2SP/x509-limbo against trust in signers: ``run(folder)``.

None may be accepted that the suite refuses, nor refused that it accepts, without a reason in EXPLAINED. The suite is
about servers of the web: what it asks of authorities, host names and purposes of TLS does not concern signers.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any, Final

from dcmseal.errors import SealError
from dcmseal.findings import Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.pem import iter_pem_blocks
from dcmseal.plugins.trust import RevocationMode, Strictness, TrustRequest, TrustSettings
from dcmseal_trust.x509_backend import X509Backend
from tests.vectors.suite_result import SuiteResult

_OF_AUTHORITIES: Final = (
    "a rule for who issues certificates; path validation does not check it (RFC 5280 6.1), nor does OpenSSL"
)
_HOST: Final = "host names are matched by TLS clients (RFC 9525); a signer has none"
_WEB: Final = "a rule of the CA/Browser Forum for servers"
_STRENGTH: Final = "the strength of the signer's own key is judged with the signature (weak-key, PS3.15 C.1)"
_WILDCARD: Final = "RFC 5280 4.2.1.10 has no wildcards in dNSName; OpenSSL neither"
_NOT_SUPPORTED: Final = "not established, with chain-not-evaluable: pyhanko-certvalidator has no such name constraints"

EXPLAINED: Final = (
    (r"crl::crlnumber-missing", _OF_AUTHORITIES),
    (r"rfc5280::(aki|ski)::.*-missing-.*", _OF_AUTHORITIES),
    (r"rfc5280::serial::.*", f"{_OF_AUTHORITIES}; such numbers are handled gracefully (RFC 5280 4.1.2.2)"),
    (r"rfc5280::(ca-empty-subject|root-non-critical-basic-constraints|leaf-ku-keycertsign)", _OF_AUTHORITIES),
    (r"rfc5280::nc::(permitted-dns-match-noncritical|not-allowed-in-ee-.*)", _OF_AUTHORITIES),
    (r"rfc5280::nc::nc-permits-invalid-(dns|email)-san", _OF_AUTHORITIES),
    (r"rfc5280::pc::ica-noncritical-pc", _OF_AUTHORITIES),
    (r"rfc5280::san::noncritical-with-empty-subject", _OF_AUTHORITIES),
    (r"rfc5280::(san::(underscore-dns|ip-in-dns)|ca-as-leaf-wrong-san)", _HOST),
    (r"rfc5280::eku::.*", "no extended key usage is asked of signers unless a site does (RFC 5280 4.2.1.12)"),
    (r"pathlen::max-chain-depth-.*", "there is no setting for the depth of chains"),
    (r"cve::cve-2025-61727", _WILDCARD),
    (r"rfc5280::nc::nc-forbids-dnsname-wildcard-san", _WILDCARD),
    (r"rfc5280::nc::(permitted-ipv[46]-match|nc-forbids-othername-noop)", _NOT_SUPPORTED),
    (r"webpki::(san|cn)::.*", _HOST),
    (r"webpki::(aki|eku|nc)::.*", _WEB),
    (r"webpki::(v1-cert|ca-as-leaf|ee-basicconstraints-ca|forbidden-dsa-.*|forbidden-rsa-.*)", _WEB),
    (r"webpki::forbidden-(p192-leaf|weak-rsa-in-leaf)", _STRENGTH),
)
"""Why the answer differs from what the suite expects, by pattern of the whole id."""


def run(folder: str | Path) -> SuiteResult:
    """Evaluate all cases of ``limbo.json`` in a folder, or in ``x509-limbo`` in it."""
    place = Path(folder)
    nested = place / "x509-limbo"
    path = (nested if nested.is_dir() else place) / "limbo.json"
    result = SuiteResult("x509-limbo")
    for case in json.loads(path.read_text("utf-8"))["testcases"]:
        refusals = _refusals(case)
        result.add(
            case["id"],
            expected=case["expected_result"] == "SUCCESS",
            accepted=not refusals,
            reason=next((reason for pattern, reason in EXPLAINED if re.fullmatch(pattern, case["id"])), None),
            note=refusals,
        )
    return result


def _refusals(case: dict[str, Any]) -> str:
    """Why the certificate is not trusted; empty if it is."""
    crls = _ders(case["crls"] or ())
    settings = TrustSettings(
        material=TrustMaterial(
            anchors=_ders(case["trusted_certs"]), certificates=_ders(case["untrusted_intermediates"]), crls=crls
        ),
        revocation=RevocationMode.HARD if crls else RevocationMode.OFF,
        weak=Strictness.REFUSE,
        key_usages=frozenset({"digital_signature"} if "digitalSignature" in case["key_usage"] else ()),
    )
    stated = case["validation_time"]
    moment = dt.datetime.fromisoformat(stated) if stated else dt.datetime.now(dt.UTC)
    (leaf,) = _ders([case["peer_certificate"]])
    question = TrustRequest(certificate=leaf, moment=moment, basis=TimeBasis.NOW, now=moment)
    try:
        answer = X509Backend().open(settings).evaluate(question)
    except SealError as error:
        return str(error)
    return "; ".join(each.code for each in answer.findings if each.outcome not in (Outcome.PASSED, Outcome.NOT_CHECKED))


def _ders(values: Any) -> tuple[bytes, ...]:
    return tuple(block.der for value in values for block in iter_pem_blocks(value.encode()))

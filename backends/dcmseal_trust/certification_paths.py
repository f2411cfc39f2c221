"""Certification paths from a signer's certificate to a trust anchor, valid at a moment (RFC 5280 section 6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeVar

from asn1crypto.x509 import Name
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import AuthorityWithCert, CertTrustAnchor
from pyhanko_certvalidator.errors import (
    ExpiredError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, AcceptAllAlgorithms, CertRevTrustPolicy
from pyhanko_certvalidator.registry import CertificateRegistry, PathBuilder, SimpleTrustManager
from pyhanko_certvalidator.validate import async_validate_path

from dcmseal.findings import Outcome
from dcmseal.warning_filter import suppress_warnings
from dcmseal_trust.signed_by_known import is_signed_by
from dcmseal_trust.trust_anchors import apply_constraints, may_issue
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import X509Certificate

T = TypeVar("T")


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends, as path validation without fetching does."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("path validation waits for something, though nothing is to be fetched")


_MAX_PATHS: Final = 1000
_MAX_COMPARISONS: Final = 1 << 20
"""Of names with constraints on them, as OpenSSL has it."""


@dataclass(frozen=True, slots=True)
class NoPath(Exception):
    """Why there is no path, as code, message and outcome of a finding.

    That there is none to an anchor leaves trust open (ETSI EN 319 102-1 5.2.6, NO_CERTIFICATE_CHAIN_FOUND); that there
    is one which is not valid does not.
    """

    code: str
    message: str
    outcome: Outcome
    last: X509Certificate | None = None
    """Where the chain ends whose next certificate is missing."""


def find_path(leaf: X509Certificate, material: LoadedMaterial, moment: dt.datetime) -> ValidationPath:
    """A valid path, whatever its algorithms, revocation not looked at; raises NoPath."""
    own = next((anchor for anchor in material.anchors if anchor.dump() == leaf.dump()), None)
    if own is None:
        return run_sync(_search(leaf, material, moment))
    _check_validity(own, moment)
    return ValidationPath(CertTrustAnchor(own), [], None)


def _check_validity(anchor: X509Certificate, moment: dt.datetime) -> None:
    """Raise NoPath if an anchor is not valid at a moment.

    RFC 5280 leaves it open whether an anchor expires; all who sell authorities say that it does.
    """
    if moment < anchor.not_before:
        raise NoPath("not-yet-valid", f"{subject_name(anchor)} was not valid yet", Outcome.FAILED)
    if moment > anchor.not_after:
        raise NoPath("expired", f"{subject_name(anchor)} had expired", Outcome.FAILED)


async def _search(leaf: X509Certificate, material: LoadedMaterial, moment: dt.datetime) -> ValidationPath:
    """The first of all paths that is valid; raises NoPath."""
    context = _build_context(moment)
    anchors = [anchor for anchor in material.anchors if may_issue(anchor)]
    candidates = _build_path_builder(anchors, material).async_build_paths_lazy(leaf)
    failures: list[NoPath] = []
    try:
        async for found in candidates:
            # an authority may have several certificates for its key, as when the first one is about to expire
            for anchor in (each for each in anchors if AuthorityWithCert(each) == found.trust_anchor.authority):
                path = apply_constraints(found, anchor)
                try:
                    _check_complexity(path)
                    await async_validate_path(context, path)
                    _check_validity(anchor, moment)
                except NoPath as none:
                    failures.append(none)
                except ValidationError as error:
                    failures.append(_to_no_path(path, error))
                except Exception as error:  # noqa: BLE001 - an odd certificate is no reason to do without other paths
                    failures.append(_not_evaluable_error(error))
                else:
                    return path
            if len(failures) >= _MAX_PATHS:
                break
    except PathBuildingError:
        raise _explain_missing_issuer(leaf, material) from None
    finally:
        await candidates.cancel()  # type: ignore[no-untyped-call] # of pyhanko-certvalidator
    raise min(failures, key=lambda each: _SEVERITY.index(each.code))


def _check_complexity(path: ValidationPath) -> None:
    """Raise ValueError if names and constraints on them are so many that comparing them would not end."""
    chain = path_certificates(path)
    names = max(len(each.subject_alt_name_value or ()) + len(each.subject.chosen) for each in chain)
    constraints = [each.name_constraints_value for each in chain if each.name_constraints_value]
    trees = sum(len(each[which] or ()) for each in constraints for which in _TREES)
    if names * trees > _MAX_COMPARISONS:
        raise ValueError("too many name constraints")


_TREES: Final = ("permitted_subtrees", "excluded_subtrees")
_SEVERITY: Final = ("expired", "not-yet-valid", "chain-invalid", "chain-not-evaluable", "issuer-missing")
"""Of several reasons, that of the path which came farthest."""


class _CertificateIndex(CertificateRegistry):
    """Certificates by what they are: of several with one issuer and serial number, none hides another."""

    def register(self, cert: X509Certificate) -> bool:
        """Take a certificate; the subject's name is what its issuer is looked for by."""
        der = cert.dump()
        if der in self.certs:
            return False
        self.certs[der] = cert
        self._subject_map[cert.subject.hashable].append(cert)
        return True


def _build_path_builder(anchors: Sequence[X509Certificate], material: LoadedMaterial) -> PathBuilder:
    """What finds paths: by nothing but the material, and never by the network."""
    roots = SimpleTrustManager.build([CertTrustAnchor(anchor) for anchor in anchors])
    # what signed itself leads nowhere else, and many of one name would be tried in every order
    others = [each for each in material.intermediates if each.self_signed == "no"]
    return PathBuilder(trust_manager=roots, registry=_CertificateIndex.build(others))


def _build_context(moment: dt.datetime) -> ValidationContext:
    """What pyhanko-certvalidator judges a path by."""
    return ValidationContext(
        trust_roots=(),
        moment=moment,
        time_tolerance=dt.timedelta(),
        algorithm_usage_policy=AcceptAllAlgorithms(),
        revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
        allow_fetching=False,
    )


def path_certificates(path: ValidationPath) -> tuple[X509Certificate, ...]:
    """The certificates, the signer's first, the anchor last."""
    return tuple(reversed(list(path.iter_certs(include_root=True))))


def is_valid_at(path: ValidationPath, moment: dt.datetime) -> bool:
    """Whether no certificate of the path is outside its validity period."""
    return all(each.not_before <= moment <= each.not_after for each in path_certificates(path))


def subject_name(certificate: X509Certificate) -> str:
    """The subject as RFC 4514 string."""
    return format_name(certificate.subject) or "a certificate without subject"


def format_name(name: Name) -> str:
    """A name as RFC 4514 string; as asn1crypto puts it if there is none, and in hexadecimal if it has no words."""
    try:
        with suppress_warnings():
            return x509.Name.from_bytes(name.dump()).rfc4514_string()
    except (AttributeError, ValueError, TypeError, LookupError):
        pass
    try:
        return str(name.human_friendly)
    except Exception:  # noqa: BLE001 - asn1crypto fails in many ways
        return f"#{name.dump().hex()}"


def _to_no_path(path: ValidationPath, error: ValidationError) -> NoPath:
    match error:
        case NotYetValidError():
            name = subject_name(error.current_path.last)
            message = f"{name} was not valid before {error.valid_from.isoformat()}"
            return NoPath("not-yet-valid", message, Outcome.FAILED)
        case ExpiredError():
            name = subject_name(error.current_path.last)
            return NoPath("expired", f"{name} had expired at {error.expired_dt.isoformat()}", Outcome.FAILED)
        case PathValidationError() if isinstance(error.__context__, InvalidSignature):
            return _explain_wrong_signature(path_certificates(path))
        case _:
            message = f"the chain of certificates is not valid: {error.failure_msg}"
            return NoPath("chain-invalid", message, Outcome.FAILED)


def _not_evaluable_error(error: Exception) -> NoPath:
    message = f"a chain to a trust anchor cannot be evaluated ({type(error).__name__})"
    return NoPath("chain-not-evaluable", message, Outcome.UNKNOWN)


def _explain_wrong_signature(chain: Sequence[X509Certificate]) -> NoPath:
    """A certificate names an issuer that did not sign it: another of the same name did, or it was altered."""
    for certificate, issuer in pairwise(chain):
        if is_signed_by(certificate, issuer):
            continue
        name, by = subject_name(certificate), subject_name(issuer)
        if certificate.authority_key_identifier and certificate.authority_key_identifier == issuer.key_identifier:
            message = f"the certificate of {name} was altered or forged: {by}, whose key it names, did not sign it"
            return NoPath("chain-invalid", message, Outcome.FAILED)
        message = f"the certificate of {name} was not signed by the {by} at hand, but by another of that name"
        return NoPath("issuer-missing", message, Outcome.UNKNOWN, certificate)
    return NoPath("chain-not-evaluable", "a signature in the chain of certificates cannot be verified", Outcome.UNKNOWN)


def _explain_missing_issuer(leaf: X509Certificate, material: LoadedMaterial) -> NoPath:
    """Where a chain ends that leads to no anchor."""
    known = {each.subject.hashable: each for each in (*material.unproven, *material.intermediates)}
    last, seen = leaf, set[str]()
    while last.issuer.hashable in known and last.subject.hashable not in seen and not last.self_issued:
        seen.add(last.subject.hashable)
        last = known[last.issuer.hashable]
    refused = "".join(f"; {each}" for each in material.refused)
    if last.self_issued:
        message = f"the chain ends in {subject_name(last)}, which is no trust anchor{refused}"
        return NoPath("untrusted-authority", message, Outcome.UNKNOWN)
    issuer, name = format_name(last.issuer), subject_name(last)
    if any(anchor.subject == last.issuer for anchor in material.anchors):
        message = f"the trust anchor {issuer} must not have issued the certificate of {name}: it is no authority's"
        return NoPath("untrusted-authority", message, Outcome.UNKNOWN)
    message = (
        f"there is no certificate of {issuer}, which issued that of {name}: either an intermediate certificate is "
        f"missing, or the authority is not trusted{refused}"
    )
    return NoPath("issuer-missing", message, Outcome.UNKNOWN, last)

"""Finds certification paths from a certificate to a trust anchor, valid at a given time (RFC 5280 section 6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Coroutine, Sequence
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
    """Run a coroutine that never suspends, such as path validation without downloads."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("path validation suspended, although downloads are disabled")


_MAX_PATHS: Final = 1000
_MAX_COMPARISONS: Final = 1 << 20
"""Maximum number of comparisons between names and name constraints, as in OpenSSL."""


class NoPath(Exception):
    """No path was found; code, message and outcome are those of a finding.

    If no path leads to an anchor, the result is indeterminate (ETSI EN 319 102-1 5.2.6, NO_CERTIFICATE_CHAIN_FOUND). An
    invalid path is a failure.
    """

    def __init__(self, code: str, message: str, outcome: Outcome, last: X509Certificate | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.outcome = outcome
        self.last = last
        """The last certificate of the chain if its issuer is missing."""


def find_path(leaf: X509Certificate, material: LoadedMaterial, moment: dt.datetime) -> ValidationPath:
    """Find a valid path, without checking algorithms and revocation.

    Args:
        leaf: The certificate.
        material: Trust anchors and intermediate certificates.
        moment: The time at which the path must be valid.

    Raises:
        NoPath: No path is valid.
    """
    own = next((anchor for anchor in material.anchors if anchor.dump() == leaf.dump()), None)
    if own is None:
        return run_sync(_search(leaf, material, moment))
    _check_validity(own, moment)
    return ValidationPath(CertTrustAnchor(own), [], None)


def _check_validity(anchor: X509Certificate, moment: dt.datetime) -> None:
    """Raise NoPath if an anchor is not valid at a given time.

    RFC 5280 does not define whether an anchor expires; all commercial CAs assume that it does.
    """
    if moment < anchor.not_before:
        raise NoPath("not-yet-valid", f"{subject_name(anchor)} was not valid yet", Outcome.FAILED)
    if moment > anchor.not_after:
        raise NoPath("expired", f"{subject_name(anchor)} had expired", Outcome.FAILED)


async def _search(leaf: X509Certificate, material: LoadedMaterial, moment: dt.datetime) -> ValidationPath:
    """Find the first valid path; raises NoPath."""
    context = _build_context(moment)
    anchors = [anchor for anchor in material.anchors if may_issue(anchor)]
    candidates = _build_path_builder(anchors, material).async_build_paths_lazy(leaf)
    failures: list[NoPath] = []
    try:
        async for found in candidates:
            # a CA may have several certificates for its key, for example after a renewal
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
                except Exception as error:  # noqa: BLE001 - try other paths despite a malformed certificate
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
    """Raise ValueError if there are too many names and name constraints to compare."""
    chain = path_certificates(path)
    names = max(len(each.subject_alt_name_value or ()) + len(each.subject.chosen) for each in chain)
    constraints = [each.name_constraints_value for each in chain if each.name_constraints_value]
    trees = sum(len(each[which] or ()) for each in constraints for which in _TREES)
    if names * trees > _MAX_COMPARISONS:
        raise ValueError("too many name constraints")


_TREES: Final = ("permitted_subtrees", "excluded_subtrees")
_SEVERITY: Final = ("expired", "not-yet-valid", "chain-invalid", "chain-not-evaluable", "issuer-missing")
"""Codes in order of precedence: report the reason of the path that passed the most checks."""


class _CertificateIndex(CertificateRegistry):
    """A registry by DER, because two certificates may have the same issuer and serial number."""

    def register(self, cert: X509Certificate) -> bool:
        """Add a certificate, which the path builder finds by its subject."""
        der = cert.dump()
        if der in self.certs:
            return False
        self.certs[der] = cert
        self._subject_map[cert.subject.hashable].append(cert)
        return True


def _build_path_builder(anchors: Sequence[X509Certificate], material: LoadedMaterial) -> PathBuilder:
    """Build a path builder that uses only the material, not the network."""
    roots = SimpleTrustManager.build([CertTrustAnchor(anchor) for anchor in anchors])
    # a self-signed certificate cannot extend a path, and many with one name would be tried in every order
    intermediates = [each for each in material.intermediates if each.self_signed == "no"]
    return PathBuilder(trust_manager=roots, registry=_CertificateIndex.build(intermediates))


def _build_context(moment: dt.datetime) -> ValidationContext:
    """Build the context in which pyhanko-certvalidator validates a path."""
    return ValidationContext(
        trust_roots=(),
        moment=moment,
        time_tolerance=dt.timedelta(),
        algorithm_usage_policy=AcceptAllAlgorithms(),
        revinfo_policy=CertRevTrustPolicy(NO_REVOCATION),
        allow_fetching=False,
    )


def path_certificates(path: ValidationPath) -> tuple[X509Certificate, ...]:
    """Return the certificates of a path, from the end entity to the trust anchor."""
    return tuple(reversed(list(path.iter_certs(include_root=True))))


def is_valid_at(path: ValidationPath, moment: dt.datetime) -> bool:
    """Whether all certificates of a path are within their validity periods at a given time."""
    return all(each.not_before <= moment <= each.not_after for each in path_certificates(path))


def subject_name(certificate: X509Certificate) -> str:
    """Return the subject as an RFC 4514 string."""
    return format_name(certificate.subject) or "a certificate without subject"


def format_name(name: Name) -> str:
    """Format a name as an RFC 4514 string; if that fails, like asn1crypto, or in hexadecimal."""
    try:
        with suppress_warnings():
            return x509.Name.from_bytes(name.dump()).rfc4514_string()
    except (AttributeError, ValueError, TypeError, LookupError):
        pass
    try:
        return str(name.human_friendly)
    except Exception:  # noqa: BLE001 - asn1crypto raises many exceptions
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
            message = f"the certificate chain is invalid: {error.failure_msg}"
            return NoPath("chain-invalid", message, Outcome.FAILED)


def _not_evaluable_error(error: Exception) -> NoPath:
    message = f"the certificate chain cannot be evaluated ({type(error).__name__})"
    return NoPath("chain-not-evaluable", message, Outcome.UNKNOWN)


def _explain_wrong_signature(chain: Sequence[X509Certificate]) -> NoPath:
    """Explain a wrong signature: another CA of this name made it, or the certificate was altered."""
    for certificate, issuer in pairwise(chain):
        if is_signed_by(certificate, issuer):
            continue
        name, issuer_name = subject_name(certificate), subject_name(issuer)
        if certificate.authority_key_identifier and certificate.authority_key_identifier == issuer.key_identifier:
            message = f"the certificate of {name} was altered or forged: the key of {issuer_name} did not sign it"
            return NoPath("chain-invalid", message, Outcome.FAILED)
        message = (
            f"another CA named {issuer_name} signed the certificate of {name}, and its certificate is not available"
        )
        return NoPath("issuer-missing", message, Outcome.UNKNOWN, certificate)
    return NoPath("chain-not-evaluable", "a signature in the certificate chain cannot be verified", Outcome.UNKNOWN)


def _explain_missing_issuer(leaf: X509Certificate, material: LoadedMaterial) -> NoPath:
    """Explain where a chain without trust anchor ends."""
    known = {each.subject.hashable: each for each in (*material.unverified, *material.intermediates)}
    last, seen = leaf, set[str]()
    while last.issuer.hashable in known and last.subject.hashable not in seen and not last.self_issued:
        seen.add(last.subject.hashable)
        last = known[last.issuer.hashable]
    refused = "".join(f"; {each}" for each in material.refused)
    if last.self_issued:
        message = f"the certificate chain ends in {subject_name(last)}, which is not a trust anchor{refused}"
        return NoPath("untrusted-authority", message, Outcome.UNKNOWN)
    issuer, name = format_name(last.issuer), subject_name(last)
    if any(anchor.subject == last.issuer for anchor in material.anchors):
        message = f"the trust anchor {issuer} issued the certificate of {name}, but must not issue certificates"
        return NoPath("untrusted-authority", message, Outcome.UNKNOWN)
    message = (
        f"the certificate of {issuer}, the issuer of {name}, is not available: either an intermediate certificate is "
        f"missing, or the CA is not trusted{refused}"
    )
    return NoPath("issuer-missing", message, Outcome.UNKNOWN, last)

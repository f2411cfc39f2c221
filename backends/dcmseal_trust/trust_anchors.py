"""Trust anchors, and the constraints in their certificates (RFC 5937)."""

from __future__ import annotations

from asn1crypto import core
from pyhanko_certvalidator.authority import CertTrustAnchor, TrustQualifiers
from pyhanko_certvalidator.name_trees import (
    PKIXSubtrees,
    default_excluded_subtrees,
    default_permitted_subtrees,
    process_general_subtrees,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import PKIXValidationParams

from dcmseal_trust.crls import is_authority
from dcmseal_trust.x509_certificates import X509Certificate, unknown_critical_extensions

KNOWN_EXTENSIONS = frozenset(
    {
        *("basic_constraints", "key_usage", "extended_key_usage", "certificate_policies", "subject_alt_name"),
        *("name_constraints", "policy_constraints", "policy_mappings", "inhibit_any_policy", "issuer_alt_name"),
        *("crl_distribution_points", "ocsp_no_check"),
    }
)
"""Extensions that may be critical."""


def may_issue(anchor: X509Certificate) -> bool:
    """Whether an anchor may issue certificates; the certificate of a trusted signer may not."""
    if unknown_critical_extensions(anchor["tbs_certificate"]["extensions"], KNOWN_EXTENSIONS):
        return False
    usages = anchor.key_usage_value
    if usages is not None and "key_cert_sign" not in usages.native:
        return False
    if anchor["tbs_certificate"]["version"].native == "v1":
        # version 1 has no extensions; accept it for root certificates only
        return bool(anchor.self_issued)
    return is_authority(anchor)


def apply_constraints(path: ValidationPath, anchor: X509Certificate) -> ValidationPath:
    """Return the path with the constraints in the certificate of its trust anchor (RFC 5937 3)."""
    certificates = list(path.iter_certs(include_root=False))
    max_length = len(certificates) if anchor.max_path_length is None else anchor.max_path_length
    qualifiers = TrustQualifiers(
        standard_parameters=_build_parameters(anchor, sum(not each.self_issued for each in certificates)),
        max_path_length=max_length,
        max_aa_path_length=len(certificates),
    )
    return ValidationPath(CertTrustAnchor(anchor, qualifiers), certificates[:-1], certificates[-1])


def _build_parameters(anchor: X509Certificate, length: int) -> PKIXValidationParams:
    """Build the initial parameters; ``length`` counts the certificates that are not self-issued."""
    policies = anchor.certificate_policies_value
    accepted = {each["policy_identifier"].native for each in policies or ()} or {"any_policy"}
    names = anchor.name_constraints_value
    constraints = anchor.policy_constraints_value
    # a policy is required after this number of certificates: if the path is longer, the last certificate needs one,
    # and thereby all of them (RFC 5280 6.1.2 d, 6.1.4 h)
    explicit = constraints and constraints["require_explicit_policy"].native
    return PKIXValidationParams(
        user_initial_policy_set=frozenset(
            {"any_policy"} if "any_policy" in accepted else {each["policy_identifier"].dotted for each in policies}
        ),
        initial_explicit_policy=explicit is not None and explicit <= length,
        initial_policy_mapping_inhibit=bool(constraints and constraints["inhibit_policy_mapping"].native is not None),
        initial_any_policy_inhibit=anchor.inhibit_any_policy_value is not None,
        initial_permitted_subtrees={**default_permitted_subtrees(), **_build_subtrees(names, "permitted_subtrees")},
        initial_excluded_subtrees={**default_excluded_subtrees(), **_build_subtrees(names, "excluded_subtrees")},
    )


def _build_subtrees(names: core.Sequence | None, which: str) -> PKIXSubtrees:
    if names is None or isinstance(names[which], core.Void):
        return {}
    return process_general_subtrees(names[which])

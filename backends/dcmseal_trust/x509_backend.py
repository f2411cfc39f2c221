"""The trust backend ``x509``: validates certification paths to trust anchors of the site (RFC 5280).

>>> from pathlib import Path
>>> from dcmseal.plugins.trust import TrustSettings
>>> evaluator = X509Backend().open(TrustSettings(anchors=("root.pem",)))  # doctest: +SKIP
"""

# Kept apart: imported only when plugins are listed; it imports pyhanko-certvalidator only when it is used.

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.errors import UsageError
from dcmseal.plugins.trust import DEFAULT_SCHEME, RevocationMode, TrustSettings

if TYPE_CHECKING:
    from dcmseal_trust.fetcher import EvaluatorLimits
    from dcmseal_trust.trust_evaluator import X509Evaluator


class X509Backend(Struct, frozen=True, kw_only=True):
    """Loads the files that the settings name, and opens an evaluator that uses them."""

    scheme: str = DEFAULT_SCHEME
    summary: str = "X.509 paths to trust anchors, with CRLs and OCSP"
    limits: EvaluatorLimits | None = None
    """How much is fetched and cached; None for the defaults."""

    def open(self, settings: TrustSettings) -> X509Evaluator:
        """Open an evaluator for the settings.

        Raises:
            UsageError: The settings contain no trust anchor, an unknown option, or a contradiction.
            TrustError: A file cannot be read.
        """
        from dcmseal_trust.fetcher import DEFAULT_LIMITS
        from dcmseal_trust.trust_evaluator import X509Evaluator
        from dcmseal_trust.trust_material import load_material

        if not (settings.anchors or settings.material.anchors or settings.system_anchors):
            raise UsageError("no trust anchor is named", hint="name the certificate of a CA that you trust")
        if settings.options:
            raise UsageError(
                f"unknown option {next(iter(settings.options))!r} for trust scheme {self.scheme}",
                hint="remove it, or select the trust scheme that supports it",
            )
        if settings.revocation is RevocationMode.OFF and settings.has_revocation_sources:
            raise UsageError(
                "revocation is off, but the settings name or fetch CRLs or OCSP responses",
                hint="set revocation to soft or hard, or remove the CRLs and OCSP responses",
            )
        return X509Evaluator(settings, load_material(settings), self.limits or DEFAULT_LIMITS)

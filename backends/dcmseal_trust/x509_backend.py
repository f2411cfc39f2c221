"""The trust backend ``x509``: certificates lead to anchors that the site names (RFC 5280).

>>> from pathlib import Path
>>> from dcmseal.plugins.trust import TrustSettings
>>> evaluator = X509Backend().open(TrustSettings(anchors=("root.pem",)))  # doctest: +SKIP
"""

# Kept apart: imported only when plugins are listed; it imports pyhanko-certvalidator only when it is used.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.errors import UsageError
from dcmseal.plugins.trust import DEFAULT_SCHEME, RevocationMode, TrustSettings

if TYPE_CHECKING:
    from dcmseal_trust.fetcher import EvaluatorLimits
    from dcmseal_trust.trust_evaluator import X509Evaluator


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Backend:
    """Reads the files that settings name, and evaluates certificates by them."""

    scheme: str = DEFAULT_SCHEME
    summary: str = "X.509 paths to trust anchors, with CRLs and OCSP"
    limits: EvaluatorLimits | None = None
    """How much is fetched and cached; None for the defaults."""

    def open(self, settings: TrustSettings) -> X509Evaluator:
        """Read the files; raises TrustError if one cannot be read, UsageError if the settings make no sense."""
        from dcmseal_trust.fetcher import DEFAULT_LIMITS
        from dcmseal_trust.trust_evaluator import X509Evaluator
        from dcmseal_trust.trust_material import load_material

        if not (settings.anchors or settings.material.anchors or settings.system_anchors):
            raise UsageError("there is no trust anchor", hint="name the certificate of an authority that you trust")
        if settings.options:
            raise UsageError(
                f"trust of scheme {self.scheme} has no option {next(iter(settings.options))!r}",
                hint="leave it out, or name the plugin that knows it",
            )
        if settings.revocation is RevocationMode.OFF and settings.has_revocation_sources:
            raise UsageError(
                "revocation is off, but CRLs or OCSP responses are named or to be fetched",
                hint="use soft or hard, or leave them out",
            )
        return X509Evaluator(settings, load_material(settings), self.limits or DEFAULT_LIMITS)

"""The trust backend ``x509``, which evaluates certification paths to trust anchors (RFC 5280).

>>> from pathlib import Path
>>> from dcmseal.plugins.trust import TrustSettings
>>> evaluator = X509Backend().open(TrustSettings(anchors=("root.pem",)))  # doctest: +SKIP
"""

# Kept apart: imported only when plugins are listed, and imports pyhanko-certvalidator only on use.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.errors import UsageError
from dcmseal.plugins.trust import DEFAULT_SCHEME, RevocationMode, TrustSettings

if TYPE_CHECKING:
    from dcmseal_trust.trust_evaluator import X509Evaluator


@dataclass(frozen=True, slots=True, kw_only=True)
class X509Backend:
    """Loads the files that the settings name, and evaluates certificates."""

    scheme: str = DEFAULT_SCHEME
    summary: str = "X.509 paths to trust anchors, with CRLs and OCSP"

    def open(self, settings: TrustSettings) -> X509Evaluator:
        """Load the files that the settings name.

        Args:
            settings: What the site trusts.

        Raises:
            TrustError: A file cannot be read.
            UsageError: There is no trust anchor, or the settings contradict each other.
        """
        from dcmseal_trust.trust_evaluator import X509Evaluator
        from dcmseal_trust.trust_material import load_material

        if not (settings.anchors or settings.material.anchors or settings.system_anchors):
            raise UsageError("no trust anchor is configured", hint="configure the certificate of a CA that you trust")
        if settings.options:
            raise UsageError(
                f"the trust scheme {self.scheme} has no option {next(iter(settings.options))!r}",
                hint="remove the option, or select the scheme that has it",
            )
        if settings.revocation is RevocationMode.OFF and settings.has_revocation_sources:
            raise UsageError(
                "revocation is off, but CRLs or OCSP responses are configured",
                hint="use soft or hard, or remove them",
            )
        return X509Evaluator(settings, load_material(settings))

"""Trust backends of plugins behind a guard: answers are what they ought to be, and speak of trust only."""

from __future__ import annotations

import re
from typing import Final

from dcmseal.errors import PluginBroken, TrustError
from dcmseal.findings import Aspect, Finding
from dcmseal.grounds import TrustMaterial
from dcmseal.plugins import answers
from dcmseal.plugins.answers import Origin
from dcmseal.plugins.trust import TrustBackend, TrustEvaluator, TrustRequest, TrustResult, TrustSettings

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)


class GuardedTrustBackend:
    """A TrustBackend whose failures are TrustError."""

    __slots__ = ("_backend", "_blame", "scheme", "summary")

    def __init__(self, backend: TrustBackend, origin: Origin) -> None:
        """Raise PluginBroken if ``backend`` is none."""
        with answers.Guard(f"a trust backend of {origin}", PluginBroken):
            self.scheme = answers.check_name(backend.scheme, _SCHEME, "scheme")
            self.summary = answers.check_text(backend.summary, "summary")
            answers.check_methods(backend, "open")
        self._backend = backend
        self._blame = f"the trust backend {self.scheme} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def open(self, settings: TrustSettings) -> TrustEvaluator:
        """Make settings ready; raises TrustError or UsageError."""
        with answers.Guard(self._blame, TrustError):
            evaluator = self._backend.open(settings)
            answers.check_methods(evaluator, "evaluate")
        return GuardedTrustEvaluator(evaluator, self._blame)


class GuardedTrustEvaluator:
    """A TrustEvaluator whose failures are TrustError."""

    __slots__ = ("_blame", "_evaluator")

    def __init__(self, evaluator: TrustEvaluator, blame: str) -> None:
        self._evaluator = evaluator
        self._blame = blame

    def evaluate(self, request: TrustRequest) -> TrustResult:
        """Answer; raises TrustError if the answer is none."""
        with answers.Guard(self._blame, TrustError):
            answer = answers.check_instance(self._evaluator.evaluate(request), TrustResult, "evaluate")
            findings = answers.check_tuple(answer.findings, Finding, "evaluate")
            answers.check_tuple(answer.chain, bytes, "evaluate")
            material = answers.check_instance(answer.material, TrustMaterial, "evaluate")
            for values in (material.anchors, material.certificates, material.crls, material.ocsp_responses):
                answers.check_tuple(values, bytes, "evaluate")
            if not findings or any(finding.aspect is not Aspect.TRUST for finding in findings):
                raise answers.InvalidAnswer("evaluate speaks of another aspect than trust, or of nothing")
            return answer

"""Trust backends of plugins behind a guard: answers are what they ought to be, and speak of trust only."""

from __future__ import annotations

import re
from typing import Final

from dcmseal.errors import PluginBroken, TrustError
from dcmseal.grounds import TrustMaterial
from dcmseal.plugins import answers
from dcmseal.plugins.loading import Origin
from dcmseal.plugins.trust import TrustAnswer, TrustBackend, TrustEvaluator, TrustQuestion, TrustSettings
from dcmseal.report import Aspect, Finding

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,31}", re.ASCII)


class GuardedTrustBackend:
    """A TrustBackend whose failures are TrustError."""

    __slots__ = ("_backend", "_blame", "scheme", "summary")

    def __init__(self, backend: TrustBackend, origin: Origin) -> None:
        """Raise PluginBroken if ``backend`` is none."""
        with answers.guarded(f"a trust backend of {origin}", PluginBroken):
            self.scheme = answers.name(backend.scheme, _SCHEME, "scheme")
            self.summary = answers.text(backend.summary, "summary")
            answers.methods(backend, "open")
        self._backend = backend
        self._blame = f"the trust backend {self.scheme} of {origin}"

    def __repr__(self) -> str:
        return f"<{self._blame}>"

    def open(self, settings: TrustSettings) -> TrustEvaluator:
        """Make settings ready; raises TrustError or UsageError."""
        with answers.guarded(self._blame, TrustError):
            evaluator = self._backend.open(settings)
            answers.methods(evaluator, "evaluate")
        return GuardedEvaluator(evaluator, self._blame)


class GuardedEvaluator:
    """A TrustEvaluator whose failures are TrustError."""

    __slots__ = ("_blame", "_evaluator")

    def __init__(self, evaluator: TrustEvaluator, blame: str) -> None:
        self._evaluator = evaluator
        self._blame = blame

    def evaluate(self, request: TrustQuestion) -> TrustAnswer:
        """Answer; raises TrustError if the answer is none."""
        with answers.guarded(self._blame, TrustError):
            answer = answers.one_of(self._evaluator.evaluate(request), TrustAnswer, "evaluate")
            findings = answers.tuple_of(answer.findings, Finding, "evaluate")
            answers.tuple_of(answer.chain, bytes, "evaluate")
            material = answers.one_of(answer.material, TrustMaterial, "evaluate")
            for values in (material.anchors, material.certificates, material.crls, material.ocsp_responses):
                answers.tuple_of(values, bytes, "evaluate")
            if not findings or any(finding.aspect is not Aspect.TRUST for finding in findings):
                raise answers.Nonsense("evaluate speaks of another aspect than trust, or of nothing")
            return answer

"""Exit codes, where commands look for them."""

from __future__ import annotations

from dcmseal.exit_codes import ExitCode, code_of_error, code_of_verdict, worst

__all__ = ["ExitCode", "code_of_error", "code_of_verdict", "worst"]

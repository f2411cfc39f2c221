"""Exit codes, where commands look for them."""

from __future__ import annotations

from dcmseal.exit_codes import ExitCode, error_exit_code, verdict_exit_code, worst_exit_code

__all__ = ["ExitCode", "error_exit_code", "verdict_exit_code", "worst_exit_code"]

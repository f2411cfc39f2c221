"""The version of dcmseal (PEP 440)."""

from __future__ import annotations

__version__ = "0.1.0"

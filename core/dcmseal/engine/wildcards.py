"""URLs with wildcards: ``*`` stops at slashes, ``**`` does not. Nothing else is special: URLs have ``?`` of their own.

>>> pattern = pattern_of("s3://archive/**/IM*.dcm")
>>> bool(pattern.fullmatch("s3://archive/2026/11/IM7.dcm")), bool(pattern.fullmatch("s3://archive/x.dcm"))
(True, False)
>>> fixed_part("s3://archive/2026/IM*.dcm")
's3://archive/2026/'
"""

from __future__ import annotations

import re
from typing import Final

WILDCARD: Final = "*"
_WILDCARD_PARTS: Final = re.compile(r"(\*\*/|\*\*|\*)")
_WILDCARD_PATTERNS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}


def compile_pattern(url: str) -> re.Pattern[str]:
    """What a URL with wildcards matches."""
    return re.compile(
        "".join(_WILDCARD_PATTERNS.get(part) or re.escape(part) for part in _WILDCARD_PARTS.split(url)), re.DOTALL
    )


def literal_prefix(url: str) -> str:
    """The folder below which everything lies that a URL with wildcards matches."""
    fixed, _, _ = url.partition(WILDCARD)
    return fixed[: fixed.rindex("/") + 1]

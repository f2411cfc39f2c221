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

WILD: Final = "*"
_PARTS: Final = re.compile(r"(\*\*/|\*\*|\*)")
_MEANING: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}


def pattern_of(url: str) -> re.Pattern[str]:
    """What a URL with wildcards matches."""
    return re.compile("".join(_MEANING.get(part) or re.escape(part) for part in _PARTS.split(url)), re.DOTALL)


def fixed_part(url: str) -> str:
    """The folder below which everything lies that a URL with wildcards matches."""
    fixed, _, _ = url.partition(WILD)
    return fixed[: fixed.rindex("/") + 1]

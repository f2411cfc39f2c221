"""Shards of an archive: each file belongs to one of N, on every machine and in every order.

>>> shard = Shard.parse("2/4")
>>> [name for name in ("a.dcm", "b.dcm", "c.dcm", "d.dcm") if shard.contains(name)]
['c.dcm']
>>> sum(Shard(number=number, count=4).contains("a.dcm") for number in (1, 2, 3, 4))
1
"""

from __future__ import annotations

import os
import re
from hashlib import blake2b
from typing import Final, Self

from msgspec import Struct

from dcmseal.errors import UsageError

_SHARD: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


class Shard(Struct, frozen=True, kw_only=True):
    """One of ``count`` shards, counted from 1."""

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(f"invalid shard {self}", hint="write I/N, with I from 1 to N")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``I/N``; raises UsageError."""
        match = _SHARD.fullmatch(text)
        if not match:
            raise UsageError(f"{text!r} is not a shard", hint="write I/N, such as 2/4 for the second of four")
        return cls(number=int(match[1]), count=int(match[2]))

    def contains(self, relative: str) -> bool:
        """Whether a file belongs to this shard, by its path below the folder that was given.

        Only the path counts, so that machines agree wherever they mounted the archive.
        """
        path = os.fsencode(relative.replace(os.sep, "/"))
        return int.from_bytes(blake2b(path, digest_size=8).digest()) % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

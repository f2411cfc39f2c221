"""Moments of certificates, CRLs and OCSP responses: whatever date they state is one that can be reckoned with.

99991231235959Z stands for no end (RFC 5280 4.1.2.5), and years go down to 0, which Python's do not.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
LATEST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
CLOCK_SKEW: Final = dt.timedelta(minutes=5)
"""By so much the clock of who made a CRL or an OCSP response may be ahead."""


def parse_time(time: Any) -> dt.datetime:
    """The moment of a Time or GeneralizedTime; the earliest if that lies before year 1.

    Raises ValueError if it is none.
    """
    native = time.native
    # asn1crypto has a type of its own for dates of year 0
    return native.astimezone(dt.UTC) if isinstance(native, dt.datetime) else EARLIEST


def add_delay(moment: dt.datetime, delay: dt.timedelta) -> dt.datetime:
    """The moment after a delay; if it lies beyond all moments, the last or first of them."""
    try:
        return moment + delay
    except OverflowError:
        return LATEST if delay > dt.timedelta() else EARLIEST

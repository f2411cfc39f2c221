"""What stands in every URL, as in ``s3://bucket/image.dcm``, and hardly ever in a path.

What is needed for URLs is imported when the mark is seen.
"""

from __future__ import annotations

from typing import Final

URL_SEPARATOR: Final = "://"

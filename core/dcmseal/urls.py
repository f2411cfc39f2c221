"""The separator that distinguishes URLs such as ``s3://bucket/image.dcm`` from paths.

It is in a separate module, so that modules for URLs are imported only when a URL is used.
"""

from __future__ import annotations

from typing import Final

URL_SEPARATOR: Final = "://"

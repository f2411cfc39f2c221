"""The storages of this package, by scheme.

>>> [storage.scheme for storage in build_storages()][:3]
['https', 'http', 's3']
"""

# Kept apart: imported only when plugins are listed, so that commands start quickly.

from __future__ import annotations

from dcmseal.plugins.storage import Storage
from dcmseal_remote.fsspec_files import FsspecFiles
from dcmseal_remote.fsspec_objects import FsspecObjects
from dcmseal_remote.s3_storage import S3Storage
from dcmseal_remote.sftp_storage import SftpStorage
from dcmseal_remote.web_storage import WebStorage


def build_storages() -> tuple[Storage, ...]:
    """Return the storages, one for each scheme."""
    return (
        WebStorage("https"),
        WebStorage("http"),
        S3Storage("s3"),
        *(FsspecObjects(scheme, "gcsfs") for scheme in ("gs", "gcs")),
        *(FsspecObjects(scheme, "adlfs") for scheme in ("abfs", "az")),
        *(SftpStorage(scheme) for scheme in ("sftp", "ssh")),
        FsspecFiles("smb", "smbprotocol"),
        FsspecFiles("hdfs", "pyarrow"),
        FsspecFiles("memory", "fsspec"),
    )

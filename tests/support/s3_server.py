"""An S3 server on the loopback (moto) that counts requests and bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

BUCKET = "archive"


@dataclass
class S3Server:
    """What the tests know of it; its requests are noted as they come in."""

    endpoint: str
    client: Any
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    before: Callable[[str], str | None] | None = None
    """Called with each request, as in ``GET /archive/image.dcm``; may return the code of an error to answer with."""

    def forget(self) -> None:
        """Empty the bucket, and begin to count."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for each in page.get("Contents", ()):
                self.client.delete_object(Bucket=BUCKET, Key=each["Key"])
        self.count()
        self.before = None

    def count(self) -> None:
        """Begin to count."""
        self.requests.clear()
        self.sent = 0

    def put(self, key: str, data: bytes) -> str:
        """Put an object there, and begin to count; returns its URL."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)
        self.count()
        return f"s3://{BUCKET}/{key}"

    def get(self, key: str) -> bytes:
        """What is there."""
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def names(self) -> list[str]:
        """What is in the bucket, unfinished uploads included."""
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        unfinished = self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())
        return [each["Key"] for each in found] + [f"{each['Key']} (unfinished)" for each in unfinished]


@contextmanager
def s3_server() -> Generator[S3Server]:
    """Run the server, with one bucket, and let the environment point to it."""
    dispatch = DomainDispatcherApplication(create_backend_app)
    server = S3Server(endpoint="", client=None)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        server.requests.append(request)
        hook, server.before = server.before, None
        if hook is not None:
            # its own requests are not its business
            refused = hook(request)
            server.before = hook
            if refused:
                start_response("409 Conflict", [("Content-Type", "application/xml")])
                return [f"<Error><Code>{refused}</Code></Error>".encode()]
        body = b"".join(dispatch(environ, start_response))
        server.sent += len(body)
        return [body]

    http = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_SilentMotoHandler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    server.endpoint = f"http://127.0.0.1:{http.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "an-id")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server.client = boto3.client("s3")
        server.client.create_bucket(Bucket=BUCKET)
        try:
            yield server
        finally:
            server.client.close()
            http.shutdown()
            thread.join()
            http.server_close()


class _SilentMotoHandler(MotoRequestHandler):
    def log(self, *_: object) -> None:
        pass

"""A local S3 server of moto, and access to its bucket by Amazon's client."""

import contextlib
import urllib.request

BUCKET = "promoters"
NEVER = "inf"


class Bucket:
    """The only bucket of a running server."""

    def __init__(self, client, port):
        self._client = client
        self._port = port

    def empty(self):
        """Deletes the contents of the server, creates an empty bucket, and restores all permissions."""
        self._tell("reset", "")
        self._tell("reset-auth", NEVER)
        self._client.create_bucket(Bucket=BUCKET)

    def refuse_after(self, requests):
        """Denies all requests after a number of further requests."""
        self._tell("reset-auth", str(requests))

    def url(self, path="", *, bucket=BUCKET, user=""):
        """Returns the URL of a path in the bucket for pyarrow."""
        return f"s3://{user}{bucket}/{path}?endpoint_override=127.0.0.1:{self._port}&scheme=http&region=us-east-1"

    def put(self, key, content):
        self._client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key):
        return self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def delete(self, key):
        self._client.delete_object(Bucket=BUCKET, Key=key)

    def written(self):
        """Returns the keys of all objects in the bucket."""
        return {entry["Key"] for entry in self._client.list_objects_v2(Bucket=BUCKET).get("Contents", [])}

    def _tell(self, what, text):
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/moto-api/{what}", text.encode(), {"Content-Type": "text/plain"})
        urllib.request.urlopen(request).close()


@contextlib.contextmanager
def s3_server():
    """Context manager that starts a server and yields its bucket. Requires moto."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    try:
        with contextlib.closing(boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)) as client:
            yield Bucket(client, port)
    finally:
        server.stop()

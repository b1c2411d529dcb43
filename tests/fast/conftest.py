"""What fast tests share."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A folder that is served as the bucket "backups" where the AWS variables say."""
    script = Path(__file__).with_name("bucket.py")
    with subprocess.Popen([sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        port = server.stdout.readline().strip()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        yield tmp_path
        server.terminate()

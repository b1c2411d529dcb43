"""Serves a folder as one S3 bucket, read only, on a free port that it prints: `python bucket.py FOLDER`.

A process of its own, because delta-rs keeps the interpreter's lock while it waits for an answer.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

FOLDER = Path(sys.argv[1])
WRITTEN = "<LastModified>2026-03-12T06:14:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>{}</Size>"


class Bucket(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        address = urlsplit(self.path)
        key = unquote(address.path).strip("/").partition("/")[2]
        query = parse_qs(address.query)
        if "list-type" in query:
            self.answer(200, listing(query.get("prefix", [""])[0]))
        elif (FOLDER / key).is_file():
            self.answer_part((FOLDER / key).read_bytes())
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET

    def answer_part(self, content):
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if not wanted:
            return self.answer(200, content)
        first, _, last = wanted.partition("-")
        start = int(first) if first else len(content) - int(last)
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        return self.answer(206, content[start : end + 1], f"bytes {start}-{end}/{len(content)}")

    def answer(self, status, body, content_range=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Thu, 12 Mar 2026 06:14:00 GMT")
        self.send_header("ETag", '"e"')
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def listing(prefix):
    keys = sorted(str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*") if file.is_file())
    found = "".join(
        f"<Contents><Key>{escape(key)}</Key>{WRITTEN.format((FOLDER / key).stat().st_size)}</Contents>"
        for key in keys
        if key.startswith(prefix)
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()

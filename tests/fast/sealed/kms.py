"""Two calls of AWS KMS, GenerateDataKey and Decrypt, on loopback: enough to wrap data keys for a context."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f9d2a3b-1111-2222-3333-44445555666"


class Kms(BaseHTTPRequestHandler):
    """Keys are made as they are asked for; what the server's `refuses` names is an error instead."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        what = self.headers["X-Amz-Target"].rpartition(".")[2]
        self.server.asked.append((what, said["KeyId"]))
        try:
            if self.server.refuses:
                raise ValueError(self.server.refuses)
            status, answer = 200, {"KeyId": said["KeyId"], **getattr(self, what)(said)}
        except ValueError as error:
            status, answer = 400, {"__type": str(error), "message": "a message"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def GenerateDataKey(self, said):
        plain = secrets.token_bytes(said["NumberOfBytes"])
        nonce = secrets.token_bytes(12)
        wrapped = nonce + self._key(said).encrypt(nonce, plain, _context(said))
        return {"Plaintext": base64.b64encode(plain).decode(), "CiphertextBlob": base64.b64encode(wrapped).decode()}

    def Decrypt(self, said):
        wrapped = base64.b64decode(said["CiphertextBlob"])
        try:
            plain = self._key(said).decrypt(wrapped[:12], wrapped[12:], _context(said))
        except InvalidTag:
            raise ValueError("InvalidCiphertextException") from None
        return {"Plaintext": base64.b64encode(plain).decode()}

    def _key(self, said):
        return self.server.keys.setdefault(said["KeyId"], AESGCM(AESGCM.generate_key(256)))

    def log_message(self, *_):
        pass


def _context(said):
    return json.dumps(said.get("EncryptionContext", {}), sort_keys=True).encode()


@contextmanager
def serving():
    """The server, on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Kms)
    server.keys, server.asked, server.refuses = {}, [], None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

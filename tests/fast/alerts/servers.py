"""Receivers on loopback that keep what they get: an HTTP server and a mail server."""

import base64
import contextlib
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextlib.contextmanager
def _serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Post(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        status, headers = self.server.answers
        self.send_response(status, "what the server likes to say")
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


def http_server(status=200, **headers):
    """Answers every request alike; `got` has path, headers and body of each."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Post)
    server.got, server.answers = [], (status, headers)
    server.url = f"http://127.0.0.1:{server.server_port}/alerts"
    return _serving(server)


class _Mail(socketserver.StreamRequestHandler):
    def handle(self):
        server, envelope = self.server, {"to": []}
        self.say("220 loopback")
        for line in self.rfile:
            word, _, rest = line.decode().strip().partition(" ")
            if word.upper() == "EHLO":
                self.say("250-loopback\r\n250 AUTH PLAIN")
            elif word.upper() == "AUTH":
                given = rest.partition(" ")[2]
                server.credentials.append(base64.b64decode(given).decode().split("\0")[1:])
                self.say("535 no, not as " + given if server.is_strict else "235 welcome")
            elif word.upper() == "MAIL":
                envelope = {"from": rest.split("<")[1].split(">")[0], "to": []}
                self.say("250 ok")
            elif word.upper() == "RCPT":
                address = rest.split("<")[1].split(">")[0]
                envelope["to"].append(address)
                self.say("550 nobody of that name" if address in server.unknown else "250 ok")
            elif word.upper() == "DATA":
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line)
                server.got.append((envelope, b"".join(lines)))
                self.say("250 taken")
            elif word.upper() == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class _MailServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True


def mail_server(unknown=(), is_strict=False):
    """Takes every mail; `got` has envelope and text of each, `credentials` who logged in."""
    server = _MailServer(("127.0.0.1", 0), _Mail)
    server.got, server.credentials, server.unknown, server.is_strict = [], [], set(unknown), is_strict
    server.port = server.server_address[1]
    return _serving(server)

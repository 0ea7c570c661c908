"""A receiver of webhooks for tests: a real HTTP server that is as slow, broken or absent as a test wants it."""
from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import socket
import ssl
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from server_process import check, check_equal

SECRET = b"a secret of some length"


@dataclass
class Post:
    """One request that came whole."""

    at: float  # monotonic
    fields: dict[str, str]
    body: bytes
    connection: tuple[str, int]

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        post = Post(time.monotonic(), dict(self.headers), body, self.client_address)
        self.server.receiver.take(post)  # type: ignore[attr-defined]
        self.server.receiver.answer(self, post)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


class Web(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:  # connections that a test breaks
        pass


def good(handler: Handler, _: Post) -> None:
    reply(handler, 204)


def reply(handler: Handler, code: int, **fields: str) -> None:
    handler.send_response(code)
    for name, value in fields.items():
        handler.send_header(name.replace("_", "-"), value)
    if code != 204:
        handler.send_header("Content-Length", "0")
    handler.end_headers()


def reset(handler: Handler, _: Post) -> None:
    """The connection ends with RST and no answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def garbage(handler: Handler, _: Post) -> None:
    handler.wfile.write(b"\x00\xffthis is no HTTP\r\n\r\n")
    handler.close_connection = True


def endless(handler: Handler, _: Post) -> None:
    """A good answer whose body does not end; the sender hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        handler.close_connection = True


class Receiver:
    """A context manager. `answer` may be changed at any time."""

    def __init__(self, answer: Callable[[Handler, Post], None] = good, certificate: Optional[Path] = None,
                 port: int = 0) -> None:
        self.answer = answer
        self.posts: list[Post] = []
        self._lock = threading.Lock()
        self.web = Web(("127.0.0.1", port), Handler)
        self.web.receiver = self  # type: ignore[attr-defined]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            self.web.socket = context.wrap_socket(self.web.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "http" if certificate is None else "https"
        self.port = self.web.server_address[1]

    def __enter__(self) -> Receiver:
        threading.Thread(target=self.web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.web.shutdown()
        self.web.server_close()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def take(self, post: Post) -> None:
        with self._lock:
            self.posts.append(post)

    def events(self) -> list[Any]:
        """All that came, as often as it came."""
        with self._lock:
            posts = list(self.posts)
        return [post.event for post in posts]

    def ids(self) -> list[str]:
        return [event["id"] for event in self.events()]

    def values(self, name: str) -> list[Any]:
        """The states of one actor in the order in which they came."""
        return [event["data"]["value"] for event in self.events()
                if event.get("subject") == name and event["type"] == "peeper.state.changed"]


def check_signed(post: Post, secret: bytes = SECRET) -> None:
    parts = dict(part.split("=", 1) for part in post.fields["Peeper-Signature"].split(","))
    check(abs(int(parts["t"]) - time.time()) < 60, f"signed now: {parts}")
    digest = hmac.new(secret, parts["t"].encode() + b"." + post.body, hashlib.sha256).hexdigest()
    check_equal(parts["v1"], digest, "signature")


def make_certificate(folder: Path, name: str, address: str = "IP:127.0.0.1") -> Path:
    """A certificate that signs itself, for `address`."""
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", str(path.with_suffix(".key")), "-out", str(path), "-days", "2", "-subj",
                    f"/CN={name}", "-addext", f"subjectAltName={address}"], check=True, capture_output=True)
    return path


class Hooks:
    """Writes the file of --webhooks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = folder / "secret"
        self.secret.write_bytes(SECRET + b"\n")
        self.hooks: list[dict[str, Any]] = []

    def add(self, url: str, **fields: Any) -> Hooks:
        hook = {"url": url, "secret_file": str(self.secret), **fields}
        if "name" not in hook:
            hook.setdefault("prefix", "")
        self.hooks.append(hook)
        return self

    @property
    def options(self) -> list[str]:
        path = self.folder / "webhooks.yaml"
        path.write_text(json.dumps(self.hooks, indent=1))  # which is YAML, too
        return ["--webhooks", str(path)]

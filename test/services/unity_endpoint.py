"""A REST catalog as Unity Catalog offers it: below a path, and its tables below a prefix that
the configuration names."""

import http.client
import http.server
import json
import threading
import urllib.parse

from server import HOST, free_port

PATH = "/api/2.1/unity-catalog/iceberg"
KEPT_HEADERS = ("authorization", "content-type", "x-iceberg-access-delegation")
TIMEOUT_S = 60


class UnityEndpoint:
    """Before the REST catalog on `upstream_port`; its one catalog is `catalog`. What is
    asked in another way than Unity's is not found. A context manager."""

    def __init__(self, upstream_port, catalog="main"):
        self.upstream_port = upstream_port
        self.catalog = catalog
        self.port = free_port()
        handler = type("Handler", (_Handler,), {"endpoint": self})
        self._server = http.server.ThreadingHTTPServer((HOST, self.port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def uri(self):
        return f"http://{HOST}:{self.port}{PATH}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(TIMEOUT_S)
        free_port.given.discard(self.port)

    def upstream_target(self, target):
        """What to ask of the catalog behind; None for what Unity does not have."""
        asked = urllib.parse.urlsplit(target)
        prefix = f"{PATH}/v1/catalogs/{self.catalog}/"
        if asked.path == f"{PATH}/v1/config":
            query = urllib.parse.parse_qs(asked.query)
            return "/v1/config" if query.get("warehouse") == [self.catalog] else None
        if not asked.path.startswith(prefix):
            return None
        query = f"?{asked.query}" if asked.query else ""
        return f"/v1/{asked.path.removeprefix(prefix)}{query}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: UnityEndpoint

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        target = self.endpoint.upstream_target(self.path)
        status, answer = (404, b"{}") if target is None else self._ask(target, body)
        if target == "/v1/config" and status == 200:
            config = json.loads(answer)
            overrides = {**config["overrides"], "prefix": f"catalogs/{self.endpoint.catalog}"}
            answer = json.dumps({**config, "overrides": overrides}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_POST = do_HEAD = do_GET

    def _ask(self, target, body):
        connection = http.client.HTTPConnection(
            HOST, self.endpoint.upstream_port, timeout=TIMEOUT_S
        )
        headers = {
            name: value for name, value in self.headers.items() if name.lower() in KEPT_HEADERS
        }
        try:
            connection.request(self.command, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def log_message(self, *_):
        pass

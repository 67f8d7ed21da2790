"""A proxy on loopback that delays, refuses, breaks and counts what passes through it.

It serves HTTP/1.1 (optionally over TLS) or any protocol of questions and answers over TCP.
It runs in a thread of its own, so tests change its behaviour while requests pass.
"""

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import threading
import time
from typing import Callable, Optional

from server import HOST, free_port

CHUNK_BYTES = 1 << 16
HEAD_BYTES_MAX = 1 << 20
START_SECONDS = 30
# SO_LINGER with no time closes with a reset instead of an orderly end.
RESETTING = b"\x01\x00\x00\x00\x00\x00\x00\x00"


@dataclasses.dataclass
class Exchange:
    """One request and what became of it. A question over TCP has method "TCP"."""

    method: str
    target: str
    question: bytes = b""
    """What was asked: the body over HTTP, the bytes over TCP."""
    headers: dict = dataclasses.field(default_factory=dict)
    status: Optional[int] = None
    sent_bytes: int = 0
    received_bytes: int = 0
    began_s: float = 0.0
    ended_s: float = 0.0
    fault: Optional[str] = None

    @property
    def path(self):
        return self.target.partition("?")[0]


@dataclasses.dataclass(frozen=True)
class Refuse:
    """Answers with a status at once; the server never sees the request."""

    status: int
    body: bytes = b""
    headers: tuple = ()


@dataclasses.dataclass(frozen=True)
class LoseAnswer:
    """The server acts on the request; the connection ends instead of the answer."""


@dataclasses.dataclass(frozen=True)
class ActThenRefuse:
    """The server acts on the request; the answer is this status all the same, as of a
    gateway that gave up too early."""

    status: int


@dataclasses.dataclass(frozen=True)
class ResetConnection:
    """A reset after so many bytes of the answer's body; before any of it when None."""

    after_bytes: Optional[int] = None


@dataclasses.dataclass
class _Rule:
    fault: object
    when: Callable[[Exchange], bool]
    times: float


class FaultProxy:
    """Between a client and the server on `upstream_port`. A context manager.

    latency_s is added before each request is passed on. All methods are thread-safe.
    """

    def __init__(self, upstream_port, latency_s=0.0, is_http=True, tls=None):
        """tls: (certificate file, key file) to answer clients with."""
        self.upstream_port = upstream_port
        self.latency_s = latency_s
        self.port = free_port()
        self.scheme = "https" if tls else "http"
        self._is_http = is_http
        self._tls = tls
        self._lock = threading.Lock()
        self._rules = []
        self._log = []
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._listener = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def endpoint(self):
        return f"{self.scheme}://{HOST}:{self.port}"

    def __enter__(self):
        self._thread.start()
        self.restore()
        return self

    def __exit__(self, *_):
        self.take_down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        free_port.given.discard(self.port)

    def inject(self, fault, when=lambda exchange: True, times=1):
        """The next `times` requests for which `when` holds meet the fault."""
        with self._lock:
            self._rules.append(_Rule(fault, when, times))

    def heal(self):
        """No more faults and no latency."""
        with self._lock:
            self._rules.clear()
        self.latency_s = 0.0

    def take_down(self):
        """Refuses connections and ends those that are open."""
        self._run(self._take_down())

    def restore(self):
        """Listens, again if it was taken down."""
        self._run(self._listen())

    def log(self):
        """The exchanges that have ended, in that order."""
        with self._lock:
            return list(self._log)

    def clear_log(self):
        with self._lock:
            self._log.clear()

    def _run(self, coroutine):
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_SECONDS)

    async def _listen(self):
        if self._listener is not None:
            return
        context = None
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._tls)
        serve = self._serve_http if self._is_http else self._serve_tcp
        self._listener = await asyncio.start_server(
            lambda reader, writer: self._serve(serve, reader, writer),
            HOST, self.port, ssl=context, limit=HEAD_BYTES_MAX,
        )

    async def _take_down(self):
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, serve, reader, writer):
        self._writers.add(writer)
        upstream = None
        try:
            upstream = await asyncio.open_connection(
                HOST, self.upstream_port, limit=HEAD_BYTES_MAX
            )
            await serve(reader, writer, *upstream)
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass  # A peer ended the connection: so does the proxy, below.
        finally:
            self._writers.discard(writer)
            for end in (writer, upstream[1] if upstream else None):
                if end is not None:
                    end.close()

    def _fault_of(self, exchange):
        with self._lock:
            for rule in self._rules:
                if rule.times > 0 and rule.when(exchange):
                    rule.times -= 1
                    exchange.fault = type(rule.fault).__name__
                    return rule.fault
        return None

    def _finish(self, exchange):
        exchange.ended_s = time.monotonic()
        with self._lock:
            self._log.append(exchange)

    async def _serve_http(self, reader, writer, server_reader, server_writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            exchange = Exchange(method, target, began_s=time.monotonic())
            exchange.headers = _headers(head)
            try:
                goes_on = await self._pass_on(
                    exchange, head, reader, writer, server_reader, server_writer
                )
            finally:
                self._finish(exchange)
            if not goes_on:
                return

    async def _pass_on(self, exchange, head, reader, writer, server_reader, server_writer):
        """One HTTP exchange; whether the connection can be used for another."""
        if exchange.headers.get("expect", "").lower() == "100-continue":
            head = _without_header(head, b"expect")
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b"".join([part async for part in _body(reader, exchange.headers)])
        exchange.question = body
        exchange.sent_bytes = len(body)
        fault = self._fault_of(exchange)
        await asyncio.sleep(self.latency_s)
        if isinstance(fault, Refuse):
            exchange.status = fault.status
            await _refuse(writer, fault, exchange.method)
            return True
        server_writer.write(head + body)
        await server_writer.drain()
        answer = await server_reader.readuntil(b"\r\n\r\n")
        exchange.status = int(answer.split(b" ", 2)[1])
        if isinstance(fault, LoseAnswer) or fault == ResetConnection(None):
            _reset(writer)
            return False
        headers = _headers(answer)
        if isinstance(fault, ActThenRefuse):
            exchange.status = fault.status
            async for _ in _body(server_reader, headers, ends_with_connection=True):
                pass
            await _refuse(writer, Refuse(fault.status), exchange.method)
            return True
        writer.write(answer)
        if exchange.method == "HEAD" or exchange.status in (204, 304):
            await writer.drain()
            return True
        async for part in _body(server_reader, headers, ends_with_connection=True):
            if isinstance(fault, ResetConnection):
                part = part[: fault.after_bytes - exchange.received_bytes]
            exchange.received_bytes += len(part)
            writer.write(part)
            await writer.drain()
            if (
                isinstance(fault, ResetConnection)
                and exchange.received_bytes >= fault.after_bytes
            ):
                _reset(writer)
                return False
        return headers.get("connection", "").lower() != "close"

    async def _serve_tcp(self, reader, writer, server_reader, server_writer):
        """A question is what a client sends until the server has something to say."""
        current = None
        asked = asyncio.create_task(reader.read(CHUNK_BYTES))
        answered = asyncio.create_task(server_reader.read(CHUNK_BYTES))
        fault = None
        try:
            while True:
                done, _ = await asyncio.wait(
                    {asked, answered}, return_when=asyncio.FIRST_COMPLETED
                )
                if answered in done:
                    part = answered.result()
                    if not part or isinstance(fault, (LoseAnswer, ResetConnection)):
                        return _reset(writer)
                    if current is not None:
                        current.received_bytes += len(part)
                        self._finish(current)
                        current = None
                    writer.write(part)
                    await writer.drain()
                    answered = asyncio.create_task(server_reader.read(CHUNK_BYTES))
                if asked in done:
                    part = asked.result()
                    if not part:
                        return None
                    if current is None:
                        current = Exchange("TCP", "", began_s=time.monotonic())
                        await asyncio.sleep(self.latency_s)
                    current.question += part
                    current.sent_bytes += len(part)
                    fault = fault or self._fault_of(current)
                    server_writer.write(part)
                    await server_writer.drain()
                    asked = asyncio.create_task(reader.read(CHUNK_BYTES))
        finally:
            for task in (asked, answered):
                task.cancel()
            if current is not None:
                self._finish(current)


def sequential_round_trips(exchanges):
    """The longest chain of exchanges of which each began after the one before had ended:
    those side by side count once."""
    count, free_from = 0, float("-inf")
    for exchange in sorted(exchanges, key=lambda each: each.ended_s):
        if exchange.began_s >= free_from:
            count += 1
            free_from = exchange.ended_s
    return count


def _headers(head):
    pairs = (line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    return {
        name.strip().lower().decode("latin-1"): value.strip().decode("latin-1")
        for name, value in pairs
    }


def _without_header(head, name):
    lines = head.split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(name + b":")]
    return b"\r\n".join(kept)


async def _body(reader, headers, ends_with_connection=False):
    """The parts of a body as they stand on the wire, chunk marks included."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while True:
            mark = await reader.readuntil(b"\r\n")
            yield mark
            size = int(mark.split(b";")[0], 16)
            yield await reader.readexactly(size + 2)
            if size == 0:
                return
    elif "content-length" in headers:
        left = int(headers["content-length"])
        while left > 0:
            part = await reader.read(min(left, CHUNK_BYTES))
            if not part:
                raise EOFError
            left -= len(part)
            yield part
    elif ends_with_connection:
        while part := await reader.read(CHUNK_BYTES):
            yield part


async def _refuse(writer, fault, method):
    lines = [f"HTTP/1.1 {fault.status} Refused", f"Content-Length: {len(fault.body)}"]
    lines += [f"{name}: {value}" for name, value in fault.headers]
    body = b"" if method == "HEAD" else fault.body
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
    await writer.drain()


def _reset(writer):
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETTING)
    writer.transport.abort()

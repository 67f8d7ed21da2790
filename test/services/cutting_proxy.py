"""A TCP proxy that cuts a client's connection around its COMMIT."""

import contextlib
import socket
import threading

HOST = "127.0.0.1"
CHUNK_BYTES = 65536
ANSWER_SECONDS = 10


class CuttingProxy:
    """Passes everything on to a server's port; the next `cuts` COMMITs are cut off.

    deliver=True: the server gets the COMMIT and answers, and the client never hears of it.
    deliver=False: the server never gets it, and sees its client vanish.
    """

    def __init__(self, server_port):
        self.server_port = server_port
        self.cuts = 0
        self.deliver = True
        self.lock = threading.Lock()
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def cut_next(self, deliver):
        with self.lock:
            self.cuts, self.deliver = 1, deliver

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection((HOST, self.server_port))
                threading.Thread(
                    target=self._up, args=(client, server), daemon=True
                ).start()
                threading.Thread(
                    target=self._down, args=(client, server), daemon=True
                ).start()

    def _takes_cut(self, data):
        with self.lock:
            if b"COMMIT" not in data or self.cuts == 0:
                return False
            self.cuts -= 1
            return True

    def _up(self, client, server):
        """From the client to the server."""
        with contextlib.suppress(OSError):
            while data := client.recv(CHUNK_BYTES):
                if self._takes_cut(data):
                    # The client first: nothing of the answer may reach it.
                    client.shutdown(socket.SHUT_RDWR)
                    if self.deliver:
                        server.sendall(data)
                        server.settimeout(ANSWER_SECONDS)
                        server.recv(CHUNK_BYTES)
                    break
                server.sendall(data)
        self._end(client, server)

    def _down(self, client, server):
        with contextlib.suppress(OSError):
            while data := server.recv(CHUNK_BYTES):
                client.sendall(data)
        self._end(client)

    @staticmethod
    def _end(*sockets):
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

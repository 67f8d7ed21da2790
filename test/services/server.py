"""A server process on a loopback port: started, waited for, and ended by its process id."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

HOST = "127.0.0.1"
STOP_SECONDS = 20
POLL_SECONDS = 0.1
LOG_LINES_SHOWN = 25


class ServerError(Exception):
    """A server did not start or stopped on its own; holds its log's name and end."""


def free_port():
    """A port of $FLOE_SERVICES_PORTS (FIRST-LAST) nobody listens on, or any free one."""
    span = os.environ.get("FLOE_SERVICES_PORTS")
    if not span:
        with socket.socket() as listener:
            listener.bind((HOST, 0))
            return listener.getsockname()[1]
    first, last = (int(end) for end in span.split("-"))
    for port in range(first, last + 1):
        if port in free_port.given:
            continue
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind((HOST, port))
            free_port.given.add(port)
            return port
    raise ServerError(f"no free port is left in FLOE_SERVICES_PORTS={span}; widen it")


free_port.given = set()


def accepts_connections(port):
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
        return True
    return False


def http_status(url):
    """The status that a GET answers, or None where there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return None


def started_at(pid):
    """When a process started, in the kernel's ticks; None where there is none."""
    with contextlib.suppress(OSError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    return None


class Server:
    """One server. Not thread-safe; its methods are for one owner.

    Subclasses give `name`, `install()`, `command()` and `is_ready()`, and what a client
    needs to know as attributes.
    """

    name = ""
    ready_seconds = 60
    stop_signal = signal.SIGTERM
    # Leaving these out of a server's environment keeps the tests' own secrets out of it.
    hidden_variables = ("AWS_", "AZURE_", "GOOGLE_", "FLOE_")

    def __init__(self, folder, port=None):
        """folder: of data, log and process id; port: None takes a free one."""
        self.folder = pathlib.Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.log = self.folder / f"{self.name}.log"
        self._pid_file = self.folder / f"{self.name}.pid"
        self._process = None

    def install(self):
        """Installs the server if it is not there; returns its folder."""
        raise NotImplementedError

    def command(self):
        """The command line, as a list."""
        raise NotImplementedError

    def environment(self):
        """Variables to add to the server's environment."""
        return {}

    def prepare(self):
        """What has to be done before the process starts."""

    def is_ready(self):
        return accepts_connections(self.port)

    def initialize(self):
        """What has to be done once it is up: users, buckets, databases."""

    def start(self, outlive_parent=False):
        """Starts it and returns self once it is ready. It ends with this process unless
        `outlive_parent`. Raises ServerError naming the log."""
        self.install()
        self.prepare()
        self._launch(outlive_parent)
        try:
            self._wait_until_ready()
            self.initialize()
        except BaseException:
            self.stop()
            raise
        return self

    def _launch(self, outlive_parent):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(self.hidden_variables)
        }
        command = [str(part) for part in self.command()]
        if not outlive_parent and shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        with open(self.log, "a") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.folder, env={**environment, **self.environment()},
                start_new_session=True,
            )
        pid = self._process.pid
        self._pid_file.write_text(f"{pid} {started_at(pid)}\n")

    def _wait_until_ready(self):
        deadline = time.monotonic() + self.ready_seconds
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise ServerError(self._failure(f"not ready after {self.ready_seconds} s"))
            # A server that ends is seen at once; one that starts is asked again soon.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(POLL_SECONDS)
                raise ServerError(self._failure(f"ended with {code} while starting"))

    def _failure(self, what):
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join([f"{self.name} on port {self.port}: {what}; its log is "
                          f"{self.log} and ends:", *lines])

    def pid(self):
        """The process id while the process that start() made is alive, else None."""
        if not self._pid_file.exists():
            return None
        pid, start = self._pid_file.read_text().split()
        return int(pid) if started_at(pid) == start else None

    def stop(self):
        """Ends the process: politely, then not. Nothing to do when it is gone."""
        self._end(self.stop_signal)

    def kill(self):
        """Ends the process as a crash would; start() brings it back on the same port."""
        self._end(signal.SIGKILL)

    def _end(self, sign):
        pid = self.pid()
        if pid is not None:
            os.kill(pid, sign)
            if not self._is_gone(pid, STOP_SECONDS):
                os.kill(pid, signal.SIGKILL)
                self._is_gone(pid, STOP_SECONDS)
        self._pid_file.unlink(missing_ok=True)
        self._process = None

    def _is_gone(self, pid, seconds):
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                return True
            return False
        # Started by another process, so its end cannot be waited for by wait().
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(pid)
            try:
                return bool(select.select([descriptor], [], [], seconds)[0])
            finally:
                os.close(descriptor)
        return True

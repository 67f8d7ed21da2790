"""Long calls of the native library: their progress, and Ctrl-C."""

import sys
import threading
import time

from tqdm import tqdm

from floe._library import ffi, lib

# A bar is shown where work takes longer than this, and looked at this often.
SHOW_AFTER_SECONDS = 1.0
POLL_SECONDS = 0.1


class CallProgress:
    """How far one call has come, in rows; `handle` is for the call."""

    def __init__(self):
        library = lib()
        self.handle = ffi.gc(library.floe_progress_new(), library.floe_progress_free)

    @property
    def done(self):
        return lib().floe_progress_done(self.handle)

    @property
    def total(self):
        """0 until it is known."""
        return lib().floe_progress_total(self.handle)

    def cancel(self):
        lib().floe_progress_cancel(self.handle)


class Bar:
    """A progress bar on a terminal, once the work has taken a while; else nothing."""

    def __init__(self, builder=None):
        """builder: makes a tqdm of a number of rows, as Feast's tasks bring one."""
        self._builder = builder or (lambda total: tqdm(total=total, ncols=100))
        self._show_at = time.monotonic() + SHOW_AFTER_SECONDS
        self._bar = None

    def show(self, done, total):
        if self._bar is None:
            is_due = total > 0 and time.monotonic() >= self._show_at
            if not is_due or not sys.stderr.isatty():
                return
            self._bar = self._builder(total)
        self._bar.update(done - self._bar.n)

    def close(self):
        if self._bar is not None:
            self._bar.close()


def run_watched(call, bar):
    """The result of call(progress), which runs on a thread of its own: Python sees no
    Ctrl-C while it waits inside a call. On one, the call is cancelled and, once it has
    ended, KeyboardInterrupt raised."""
    progress = CallProgress()
    outcome = {}

    def run():
        try:
            outcome["result"] = call(progress)
        except BaseException as error:
            outcome["error"] = error

    worker = threading.Thread(target=run, name="floe-materialize")
    worker.start()
    try:
        while worker.is_alive():
            worker.join(POLL_SECONDS)
            bar.show(progress.done, progress.total)
        bar.show(progress.done, progress.total)
    except BaseException:
        progress.cancel()
        worker.join()
        raise
    finally:
        bar.close()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]

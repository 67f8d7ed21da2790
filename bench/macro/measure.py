"""Runs one contender of a macro benchmark in a process of its own and measures it.

A contender is a function that prepares (imports, opens) and returns a callable; only the
call is timed. Peak memory is the process's anonymous memory and its whole resident set
while the call runs, above what stood before it.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time


def _status_kb(name):
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {name}")


class PeakMemory:
    """Samples RssAnon every 5 ms; VmHWM is the kernel's own high-water mark."""

    def __enter__(self):
        with open("/proc/self/clear_refs", "w", encoding="ascii") as clear:
            clear.write("5")
        self.before_anon = _status_kb("RssAnon")
        self.before_rss = _status_kb("VmRSS")
        self.peak_anon = self.before_anon
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def _sample(self):
        while not self._stop.wait(0.005):
            self.peak_anon = max(self.peak_anon, _status_kb("RssAnon"))

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()
        self.peak_anon_mb = max(0, self.peak_anon - self.before_anon) / 1024
        self.peak_rss_mb = max(0, _status_kb("VmHWM") - self.before_rss) / 1024


def run_here(contender, save=None):
    """Times one call of `contender` in this process and prints a JSON line."""
    call = contender()
    cpu_before = os.times()
    with PeakMemory() as memory:
        start = time.perf_counter()
        result = call()
        wall_s = time.perf_counter() - start
    cpu = os.times()
    line = {
        "wall_s": wall_s,
        "cpu_s": cpu.user + cpu.system - cpu_before.user - cpu_before.system,
        "peak_anon_mb": memory.peak_anon_mb,
        "peak_rss_mb": memory.peak_rss_mb,
        "result_mb": getattr(result, "nbytes", 0) / 2**20,
    }
    if save is not None:
        save(result)
    print("RESULT " + json.dumps(line), flush=True)


def run_in_process(script, arguments, timeout_s):
    """Runs `script` with `arguments`; returns its measured line or an error text."""
    done = subprocess.run(
        [sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT ") :])
    return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1]}


def summarize(runs):
    """Medians of a contender's runs; an error of any run is kept."""
    errors = [run["error"] for run in runs if "error" in run]
    if errors:
        return {"error": errors[0]}
    return {
        key: statistics.median(run[key] for run in runs) for key in runs[0]
    } | {"wall_s_min": min(run["wall_s"] for run in runs), "runs": len(runs)}


def machine():
    """What a reader needs to weigh the figures."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        model = next(
            (l.split(":")[1].strip() for l in cpuinfo if l.startswith("model name")), "?"
        )
    return {"cpus": os.cpu_count(), "model": model}


def print_table(rows, columns):
    widths = [max(len(str(r[c])) for r in [dict(zip(columns, columns)), *rows]) for c in columns]
    for row in [dict(zip(columns, columns)), *rows]:
        print("  ".join(str(row[c]).ljust(w) for c, w in zip(columns, widths)))

"""The soak with fewer calls: flat memory passes, a leak fails."""

import pathlib
import subprocess
import sys

SOAK = pathlib.Path(__file__).with_name("historical_soak.py")
CALLS, LIMIT_MIB = 150, 12


def soak(*arguments):
    command = [sys.executable, SOAK, f"--calls={CALLS}", f"--limit-mib={LIMIT_MIB}"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True)


def test_memory_stays_flat():
    done = soak()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_leak_is_seen():
    done = soak(f"--leak={2 * LIMIT_MIB * 2**20 // CALLS}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "memory:" in done.stdout

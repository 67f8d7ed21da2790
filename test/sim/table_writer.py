"""A process that writes to one table beside others: `table_writer.py WHO SEED URI WAREHOUSE
LOG`, a WHO below KILLED being killed by the kernel at a random moment of one of its operations.

LOG gets a line `begin OPERATION TURN` before each change of rows, and `done OPERATION TURN`
once the change is acknowledged. A change is tried again where an error says that it was not
made.
"""

import itertools
import os
import random
import signal
import sys
import time

import pyarrow as pa

import floe

TURNS, KILLED = 6, 4
ROWS, DELETED = 10, 3
# A change may be made again after these: nothing was committed.
LOST_A_RACE = ("COMMIT_CONFLICT", "NO_SUCH_FILE", "NO_SUCH_SNAPSHOT")
ATTEMPTS = 100


def first_id(who, turn):
    return 1000 * who + ROWS * turn


class Writer:
    """Changes of one process."""

    def __init__(self, who, seed, uri, warehouse, log):
        self.who, self.log = who, open(log, "a", encoding="ascii")
        self.rng = random.Random(seed)
        self.catalog = floe.Catalog(uri=uri, warehouse=warehouse)
        # The longest operation so far: within it the one chosen is killed, of three a turn.
        self.longest_s = 0.005
        self.dies_in = self.rng.randrange(4, 3 * TURNS) if who < KILLED else None

    def note(self, *words):
        self.log.write(" ".join(map(str, words)) + "\n")
        self.log.flush()

    def attempt(self, operation):
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in == 0:
                # The signal's default action ends the process without any cleaning up.
                signal.setitimer(signal.ITIMER_REAL, self.rng.uniform(1e-4, self.longest_s))
        start = time.monotonic()
        operation()
        self.longest_s = max(self.longest_s, time.monotonic() - start)

    def change(self, name, turn, operation):
        self.note("begin", name, turn)
        for attempt in itertools.count(1):
            try:
                self.attempt(operation)
                break
            except floe.FloeError as error:
                if error.code not in LOST_A_RACE or attempt == ATTEMPTS:
                    raise
        self.note("done", name, turn)

    def upkeep(self, action, **options):
        try:
            self.attempt(lambda: self.catalog.maintain("db.t", action, **options))
        except floe.FloeError as error:
            # Another writer was first: upkeep comes round again.
            if error.code not in LOST_A_RACE:
                raise

    def turn(self, turn):
        first = first_id(self.who, turn)
        rows = pa.table({"id": list(range(first, first + ROWS))})
        self.change("append", turn, lambda: self.catalog.append("db.t", rows))
        mode = self.rng.choice(["copy-on-write", "merge-on-read"])
        found = f"id >= {first} AND id < {first + DELETED}"
        self.change(
            "delete", turn, lambda: self.catalog.delete("db.t", found, mode=mode)
        )
        kind = self.who % 4
        if kind == 0:
            self.upkeep("compact", min_files=2)
        if kind == 1:
            self.upkeep("manifests")
        if kind == 2:
            self.upkeep("expire", older_than_ms=int(time.time() * 1000), retain_last=1)
        if kind == 3:
            self.upkeep("deletes")


def main():
    who, seed = int(sys.argv[1]), int(sys.argv[2])
    writer = Writer(who, seed, *sys.argv[3:6])
    for turn in range(TURNS):
        writer.turn(turn)
    if who < KILLED:
        # Not reached before its moment came: it dies now, with all its work acknowledged.
        os.kill(os.getpid(), signal.SIGALRM)


if __name__ == "__main__":
    main()

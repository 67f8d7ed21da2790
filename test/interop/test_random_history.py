"""Tables with a random past, read by Floe as Spark reads them. More seeds:
FLOE_INTEROP_SEEDS=100 ./dev test-interop -k random_past."""

import os

import pytest

from random_history import RandomHistory
from spark_engine import canonical_rows, encoded_rows

FIRST_SEED = int(os.environ.get("FLOE_INTEROP_FIRST_SEED", "1"))
SEEDS = int(os.environ.get("FLOE_INTEROP_SEEDS", "2"))
STEPS, STEPS_A_LOOK = 24, 3


def check(history, engines, what=""):
    where = f" WHERE {what}" if what else ""
    theirs = canonical_rows(
        engines.spark.rows(f"SELECT * FROM {history.spark_name}{where}")
    )
    ours = encoded_rows(
        engines.floe.scan(history.floe_name, filter=what or None).read_all()
    )
    assert ours == theirs, "\n".join([f"rows{where}, after:", *history.steps])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_a_random_past_reads_as_sparks(spark_catalog, seed, version):
    history = RandomHistory(
        seed, spark_catalog.spark, spark_catalog.floe, f"past_{version}_{seed}", version
    )
    history.create()
    history.insert()
    for step in range(STEPS):
        try:
            history.step()
        except Exception as error:
            raise AssertionError("\n".join([str(error), *history.steps])) from error
        if step % STEPS_A_LOOK == 0 or step == STEPS - 1:
            check(history, spark_catalog)
            check(history, spark_catalog, history.predicate())

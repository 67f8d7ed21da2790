"""On a store where every request takes 20 ms longer, how many wait for each other."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "macro"))

import remote_scan


def test_one_partition_of_a_thousand_files(tmp_path):
    measured = remote_scan.measure_all(tmp_path, runs=1, contenders=("floe",))["floe"][0]
    cold, warm = measured["cold"], measured["warm"]
    assert cold["round_trips"] <= remote_scan.BAR_ROUND_TRIPS, "\n".join(cold["targets"])
    not_data = [target for target in warm["targets"] if not target.endswith(".parquet")]
    assert not_data == []
    assert warm["round_trips"] <= 2, "\n".join(warm["targets"])

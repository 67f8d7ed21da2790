"""A Spark with Iceberg's runtime, and its rows as JSON that keeps every value exact.

Runs in the virtual environment that tools/dev/interop.sh makes, not in Floe's.
"""

import datetime as dt
import decimal
import json
import math
import os
import pathlib
import time

os.environ["TZ"] = "UTC"
time.tzset()


def make_session(folder, jars, warehouse, catalog_uri=None, memory="2g"):
    """A session with catalog `h` (a Hadoop catalog in `warehouse`) and, with the URI of a
    SQLite database, `j` (Iceberg's JDBC catalog). `jars`: what to load besides pyspark."""
    import pyspark
    from pyspark.sql import SparkSession

    os.environ["SPARK_HOME"] = str(pathlib.Path(pyspark.__file__).parent)
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--driver-memory {memory} pyspark-shell"
    settings = {
        "spark.driver.extraClassPath": ":".join(str(jar) for jar in jars),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions."
        "IcebergSparkSessionExtensions",
        "spark.sql.catalog.h": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.h.type": "hadoop",
        "spark.sql.catalog.h.warehouse": warehouse,
        "spark.sql.catalog.h.cache-enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": f"{folder}/spark-warehouse",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC "
        f"-Dderby.system.home={folder} -Dio.netty.tryReflectionSetAccessible=true",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.sql.adaptive.enabled": "false",
    }
    if catalog_uri is not None:
        settings |= {
            "spark.sql.catalog.j": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.j.type": "jdbc",
            "spark.sql.catalog.j.uri": catalog_uri,
            "spark.sql.catalog.j.warehouse": warehouse,
            "spark.sql.catalog.j.jdbc.schema-version": "V1",
            "spark.sql.catalog.j.cache-enabled": "false",
        }
    builder = SparkSession.builder.master("local[1]").appName("floe-interop")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def canonical(value):
    """A value Spark collected, in the encoding of test/fixtures/README.md."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, decimal.Decimal):
        return f"d:{value:f}"
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return "x:" + bytes(value).hex()
    if isinstance(value, dict):
        return {key_text(key): canonical(item) for key, item in value.items()}
    if hasattr(value, "asDict"):
        return {name: canonical(item) for name, item in zip(value.__fields__, value)}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if hasattr(value, "toJson"):
        return value.toJson()
    raise TypeError(f"no encoding for {type(value)}")


def key_text(key):
    encoded = canonical(key)
    return encoded if isinstance(encoded, str) else json.dumps(encoded)


def rows_of(session, sql):
    return [canonical(row) for row in session.sql(sql).collect()]

"""Writes the golden Thrift messages with PyIceberg's IDL and Apache Thrift's library.

Run with a Python that has pyiceberg[hive]: `python test/golden/hive/generate.py`.
"""

import pathlib

from hive_metastore.ThriftHiveMetastore import Client
from hive_metastore.ttypes import (
    EnvironmentContext,
    FieldSchema,
    LockComponent,
    LockLevel,
    LockRequest,
    LockType,
    SerDeInfo,
    StorageDescriptor,
    Table,
)
from thrift.protocol import TBinaryProtocol
from thrift.transport import TTransport

HERE = pathlib.Path(__file__).parent


def message(send):
    """The bytes that `send` puts on the wire."""
    buffer = TTransport.TMemoryBuffer()
    send(Client(TBinaryProtocol.TBinaryProtocol(buffer)))
    return buffer.getvalue()


def table():
    """A table as PyIceberg stores it."""
    columns = [FieldSchema("id", "bigint", ""), FieldSchema("v", "double", "a value")]
    storage = StorageDescriptor(
        cols=columns, location="/wh/db/t", inputFormat="i", outputFormat="o",
        compressed=False, numBuckets=0, bucketCols=[], sortCols=[], parameters={},
        serdeInfo=SerDeInfo(serializationLib="lib", parameters={}),
    )
    parameters = {
        "table_type": "ICEBERG",
        "metadata_location": "/wh/db/t/metadata/00000-a.metadata.json",
    }
    return Table(
        tableName="t", dbName="db", owner="me", createTime=1, lastAccessTime=2,
        retention=2147483647, sd=storage, partitionKeys=[], parameters=parameters,
        tableType="EXTERNAL_TABLE", temporary=False,
    )


def main():
    """Writes every file beside this one."""
    context = EnvironmentContext({"DO_NOT_UPDATE_STATS": "true"})
    alter = message(
        lambda c: c.send_alter_table_with_environment_context("db", "t", table(), context)
    )
    component = LockComponent(
        type=LockType.EXCLUSIVE, level=LockLevel.TABLE, dbname="db", tablename="t"
    )
    request = LockRequest([component], user="me", hostname="h", agentInfo="Floe-1")
    lock = message(lambda c: c.send_lock(request))
    (HERE / "alter_table_call.bin").write_bytes(alter)
    (HERE / "lock_call.bin").write_bytes(lock)


if __name__ == "__main__":
    main()

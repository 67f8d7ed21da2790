"""moto's server with one rule of Glue's that moto 5.2.5 leaves out: UpdateTable with a VersionId
that is not the table's any more is refused (AWS Glue Web API, UpdateTable). Run by moto's own
Python: moto_server.py -H HOST -p PORT."""

import sys
import threading

from moto.core.exceptions import JsonRESTError
from moto.glue.responses import GlueResponse
from moto.server import main

_update_table = GlueResponse.update_table
_lock = threading.Lock()


def update_table(response):
    expected = response.parameters.get("VersionId")
    database = response.parameters.get("DatabaseName")
    name = response.parameters["TableInput"]["Name"]
    # moto answers requests in threads: nobody comes between the look and the change.
    with _lock:
        if expected is not None:
            table = response.glue_backend.get_table(database, name)
            if table.as_dict()["VersionId"] != expected:
                raise JsonRESTError(
                    "ConcurrentModificationException",
                    "Update table failed due to concurrent modifications.",
                )
        return _update_table(response)


GlueResponse.update_table = update_table
main(sys.argv[1:])

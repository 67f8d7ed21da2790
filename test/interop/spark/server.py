"""Answers SQL on standard input: a line of JSON in, a line of JSON out.

    server.py FOLDER WAREHOUSE CATALOG_URI JAR...

In: {"sql": [text, ...], "rows": bool, "conf"?: {name: value or null}}. Out: {"rows": rows
of the last statement, in the encoding of session.canonical} or {"error": text}. "ready"
comes first.
"""

import json
import os
import sys

import session as spark_session


def answer(session, request):
    for name, value in request.get("conf", {}).items():
        if value is None:
            session.conf.unset(name)
        else:
            session.conf.set(name, value)
    frame = None
    for statement in request["sql"]:
        frame = session.sql(statement)
    if not request["rows"] or frame is None:
        return []
    return [spark_session.canonical(row) for row in frame.collect()]


def main():
    folder, warehouse, catalog_uri, *jars = sys.argv[1:]
    # What Java and Spark print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    session = spark_session.make_session(folder, jars, warehouse, catalog_uri)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        try:
            result = {"rows": answer(session, json.loads(line))}
        except Exception as error:  # The test that asked shows it.
            result = {"error": f"{type(error).__name__}: {error}"[:4000]}
        print(json.dumps(result), file=answers, flush=True)
    session.stop()


if __name__ == "__main__":
    main()

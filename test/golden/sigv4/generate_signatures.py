"""Writes signatures.json: requests and the headers botocore signs them with.

`pip install botocore==1.44.8`, then run it; src/io/aws_sigv4_test.cc compares.
"""

import datetime
import json
import pathlib
from unittest import mock

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 3, 7, 9, 5, 3, tzinfo=datetime.timezone.utc)
KEYS = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
ARN = "arn%3Aaws%3As3tables%3Aus-east-1%3A111122223333%3Abucket%2Fb"

# name, service, region, session token, method, url, headers, body
CASES = [
    ("glue post", "glue", "us-east-1", "", "POST", "https://glue.us-east-1.amazonaws.com/",
     {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSGlue.GetTable"},
     '{"DatabaseName": "d", "Name": "t"}'),
    ("glue session", "glue", "eu-west-1", "token+/==", "POST",
     "https://glue.eu-west-1.amazonaws.com",
     {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSGlue.GetTables"}, "{}"),
    ("port", "glue", "us-east-1", "", "POST", "http://127.0.0.1:5000/", {}, "{}"),
    ("own port", "glue", "us-east-1", "", "POST", "https://h.example:443/", {}, "{}"),
    ("rest config", "s3tables", "us-east-1", "token", "GET",
     f"https://s3tables.us-east-1.amazonaws.com/iceberg/v1/config?warehouse={ARN}", {}, ""),
    ("rest encoded path", "s3tables", "us-east-1", "", "GET",
     f"https://s3tables.us-east-1.amazonaws.com/iceberg/v1/{ARN}/namespaces/a%1Fb/tables/t%20x",
     {"Accept": "application/json"}, ""),
    ("query order", "execute-api", "us-west-2", "", "GET",
     "https://h.example/v1/namespaces?pageToken=a%2Bb%3D&parent=x%1Fy&a=&b&A=2&a=1", {}, ""),
    ("commit", "glue", "us-east-1", "t", "POST",
     "https://glue.us-east-1.amazonaws.com/iceberg/v1/catalogs/1/namespaces/n/tables/t",
     {"Content-Type": "application/json", "X-Iceberg-Access-Delegation": "vended-credentials"},
     '{"requirements":[],"updates":[{"action":"set-properties","updates":{"k":"ü"}}]}'),
    ("dots", "execute-api", "us-east-1", "", "GET", "https://h.example/a/./b/../c//d/", {}, ""),
    ("delete", "execute-api", "us-east-1", "", "DELETE", "https://h.example/v1/n?purge=true", {},
     ""),
    ("spaces in a header", "execute-api", "us-east-1", "", "GET", "https://h.example/",
     {"X-Note": "  two   words \t here "}, ""),
    ("s3 get", "s3", "us-east-1", "", "GET",
     "https://b.s3.us-east-1.amazonaws.com/folder/a%20b%2Bc/x.parquet", {"Range": "bytes=0-9"}, ""),
    ("s3 dots stay", "s3", "us-east-1", "tok", "GET",
     "http://127.0.0.1:9000/bucket/a//b/../c", {}, ""),
    ("s3 put", "s3", "auto", "tok/en", "PUT", "https://acc.r2.cloudflarestorage.com/b/k",
     {"If-None-Match": "*", "Content-Type": "application/octet-stream"}, "bytes"),
    ("s3 unsigned", "s3", "us-east-1", "", "PUT", "https://b.s3.amazonaws.com/k",
     {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "bytes"),
    ("s3 list", "s3", "us-east-1", "", "GET",
     "https://b.s3.amazonaws.com/?list-type=2&prefix=a%2Fb&delimiter=%2F&max-keys=7", {}, ""),
]


def sign(name, service, region, token, method, url, headers, body):
    credentials = Credentials(*KEYS, token or None)
    data = body.encode()
    request = AWSRequest(method=method, url=url, data=data, headers=dict(headers))
    if service == "s3":
        signer = auth.S3SigV4Auth(credentials, service, region)
        if "x-amz-content-sha256" in headers:
            signer.payload = lambda request: headers["x-amz-content-sha256"]
        request.context["client_config"] = None
    else:
        signer = auth.SigV4Auth(credentials, service, region)
        request.headers["X-Amz-Content-SHA256"] = signer.payload(request)
    with mock.patch.object(auth, "get_current_datetime", lambda remove_tzinfo=True: NOW):
        signer.add_auth(request)
    signed = {
        key.lower(): value
        for key, value in request.headers.items()
        if key.lower() not in {given.lower() for given in headers}
    }
    return {
        "name": name, "service": service, "region": region, "session_token": token,
        "method": method, "url": url, "headers": headers, "body": body, "signed": signed,
    }


def main():
    cases = [sign(*case) for case in CASES]
    golden = {
        "now_ms": int(NOW.timestamp() * 1000),
        "access_key_id": KEYS[0],
        "secret_access_key": KEYS[1],
        "cases": cases,
    }
    path = pathlib.Path(__file__).with_name("signatures.json")
    path.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

"""Records a case from the reference: `python record.py FOLDER`, in an environment with airbyte-cdk 7.39.1.

FOLDER holds `manifest.yaml`, `config.json` and `api.json`: what the API gives, a list of
`{"path": "/items", "query": {"page": "2"}, "status": 200, "body": ...}`. The first entry that fits counts; `query` names
the parameters that must be there. Written are the tapes and the expected messages of spec, check, discover, a read of all
streams and a second read from its states. The time is the machine's: the manifest must not depend on it.
"""

import json
import logging
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from airbyte_cdk.cli.source_declarative_manifest._run import create_declarative_source
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

LEFT_OUT = {"user-agent", "accept-encoding", "connection", "content-length", "host"}


def canonical(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def write_lines(path, values):
    path.write_text("".join(canonical(value) + "\n" for value in values), encoding="utf-8")


class Api:
    """Stands in for the network, and keeps what was asked and given."""

    def __init__(self, rules):
        self.rules = rules
        self.exchanges = []

    def send(self, adapter, request):
        url = urlsplit(request.url)
        query = sorted(parse_qsl(url.query, keep_blank_values=True))
        rule = next(rule for rule in self.rules if self.fits(rule, url.path, dict(query)))
        body = rule["body"] if isinstance(rule["body"], str) else json.dumps(rule["body"])
        headers = {"Content-Type": "application/json"}
        raw = urllib3.HTTPResponse(
            body=BytesIO(body.encode()),
            headers=headers,
            status=rule.get("status", 200),
            request_url=request.url,
            preload_content=False,
        )
        response = adapter.build_response(request, raw)
        sent = request.body.decode() if isinstance(request.body, bytes) else request.body
        self.exchanges.append(
            {
                "seq": len(self.exchanges),
                "stream": url.path.strip("/"),
                "request": {
                    "method": request.method,
                    "url": f"{url.scheme}://{url.netloc}{url.path}",
                    "query": query,
                    "raw_url": request.url,
                    "headers": self.headers(request.headers),
                    "body": sent,
                },
                "response": {"status": response.status_code, "headers": headers, "body": body},
            }
        )
        return response

    @staticmethod
    def fits(rule, path, query):
        return rule["path"] == path and rule.get("query", {}).items() <= query.items()

    @staticmethod
    def headers(headers):
        lower = {name.lower(): value for name, value in headers.items()}
        return {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in lower.items()
            if name not in LEFT_OUT and (name, value) != ("accept", "*/*")
        }


class Phase:
    """The messages of a command, canonical."""

    def __init__(self):
        self.records, self.states, self.statuses, self.errors, self.others = [], {}, {}, [], []

    def take(self, message):
        kind = message["type"]
        if kind == "RECORD":
            record = message["record"]
            data = {name: value for name, value in record["data"].items() if value is not None}
            self.records.append({"type": kind, "stream": record["stream"], "data": data})
        elif kind == "STATE":
            stream = message["state"]["stream"]
            self.states[stream["stream_descriptor"]["name"]] = stream["stream_state"]
        elif kind == "TRACE" and message["trace"]["type"] == "STREAM_STATUS":
            status = message["trace"]["stream_status"]
            if not status.get("reasons"):
                name = status["stream_descriptor"]["name"]
                self.statuses.setdefault(name, []).append(status["status"])
        elif kind == "TRACE" and message["trace"]["type"] == "ERROR":
            error = message["trace"]["error"]
            self.errors.append(
                {
                    "type": "TRACE_ERROR",
                    "stream": (error.get("stream_descriptor") or {}).get("name"),
                    "failure_type": error.get("failure_type"),
                    "message": error.get("message"),
                    "internal_message": error.get("internal_message"),
                }
            )
        elif kind == "CONNECTION_STATUS":
            status = message["connectionStatus"]
            self.others.append({"type": kind, "status": status["status"], "message": status.get("message")})
        elif kind == "CATALOG":
            self.others += [{"type": "CATALOG_STREAM", "stream": stream} for stream in message["catalog"]["streams"]]
        elif kind == "SPEC":
            self.others.append({"type": kind, "spec": message["spec"]})
        elif kind == "CONTROL":
            self.others.append({"type": kind, "config": message["control"]["connectorConfig"]["config"]})

    def raised(self, error):
        traced = isinstance(error, AirbyteTracedException)
        self.others.append(
            {
                "type": "RAISED",
                "class": type(error).__name__,
                "failure_type": error.failure_type.value if traced else None,
                "message": error.message if traced else str(error),
                "internal_message": error.internal_message if traced else None,
            }
        )

    def lines(self):
        return [
            *sorted(self.records, key=lambda record: (record["stream"], canonical(record["data"]))),
            *({"type": "STATE", "stream": name, "state": state} for name, state in sorted(self.states.items())),
            *({"type": "STATUS", "stream": name, "statuses": statuses} for name, statuses in sorted(self.statuses.items())),
            *sorted(self.errors, key=canonical),
            *self.others,
        ]


def run(folder, rules, command, files):
    api, phase = Api(rules), Phase()
    requests.adapters.HTTPAdapter.send = lambda adapter, request, **_options: api.send(adapter, request)
    args = ["check" if command == "spec" else command]
    with tempfile.TemporaryDirectory() as scratch:
        for option, value in files.items():
            path = Path(scratch) / f"{option}.json"
            path.write_text(json.dumps(value), encoding="utf-8")
            args += [f"--{option}", str(path)]
        args += ["--manifest-path", str(folder / "manifest.yaml")]
        try:
            source = create_declarative_source(args)
            if command == "spec":
                # The command line of the reference gives its own specification, not the manifest's.
                message = AirbyteMessage(type=Type.SPEC, spec=source.spec(logging.getLogger()))
                phase.take(json.loads(AirbyteEntrypoint.airbyte_message_to_string(message)))
                return api, phase
            for line in AirbyteEntrypoint(source).run(AirbyteEntrypoint.parse_args(args)):
                phase.take(json.loads(line))
        except Exception as error:
            phase.raised(error)
    return api, phase


def main():
    folder = Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rules = json.loads((folder / "api.json").read_text(encoding="utf-8"))
    phases = {}

    def record(name, command, files):
        api, phase = run(folder, rules, command, files)
        prefix = "" if name == "read" else f"{name}."
        write_lines(folder / f"{prefix}expected.jsonl", phase.lines())
        if api.exchanges:
            write_lines(folder / f"{prefix}exchanges.jsonl", api.exchanges)
        phases[name] = {"records": len(phase.records), "requests": len(api.exchanges), "waits": []}
        return phase

    record("spec", "spec", {"config": config})
    record("check", "check", {"config": config})
    discovered = record("discover", "discover", {"config": config})
    streams = [line["stream"] for line in discovered.others if line["type"] == "CATALOG_STREAM"]
    catalog = {
        "streams": [
            {
                "stream": stream,
                "sync_mode": stream["supported_sync_modes"][-1],
                "destination_sync_mode": "append",
            }
            for stream in streams
        ]
    }
    if streams:
        (folder / "catalog.json").write_text(canonical(catalog) + "\n", encoding="utf-8")
        first = record("read", "read", {"config": config, "catalog": catalog})
        state = [
            {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": state}}
            for name, state in sorted(first.states.items())
        ]
        (folder / "read2.state_in.json").write_text(canonical(state) + "\n", encoding="utf-8")
        record("read2", "read", {"config": config, "catalog": catalog, "state": state})
    case = {
        "cdk_version": "7.39.1",
        "frozen_time": "2025-03-01T00:00:00Z",
        "name": folder.name,
        "phases": phases,
        "sleep_advances_clock": False,
        "uuid": "00000000-0000-4000-8000-000000000000",
    }
    (folder / "case.json").write_text(json.dumps(case, indent=1, sort_keys=True) + "\n", encoding="utf-8")


main()

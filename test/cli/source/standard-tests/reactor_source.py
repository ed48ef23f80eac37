"""A source of Reactor Connect for the CDK's standard tests: each call is one of the command line."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterable, Mapping

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteMessageSerializer,
    ConnectorSpecification,
    Type,
)
from airbyte_cdk.sources import Source

COMMAND = json.loads(os.environ["REACTOR_SOURCE_COMMAND"])


class ReactorSource(Source):
    def spec(self, logger: Any) -> ConnectorSpecification:
        return self._single(Type.SPEC, ["spec"]).spec

    def check(self, logger: Any, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        return self._single(Type.CONNECTION_STATUS, ["check"], config=config).connectionStatus

    def discover(self, logger: Any, config: Mapping[str, Any]) -> AirbyteCatalog:
        return self._single(Type.CATALOG, ["discover"], config=config).catalog

    @classmethod
    def read_catalog(cls, catalog_path: str) -> Any:
        # As it stands in the file: the source has to refuse a wrong one, not the CDK.
        return json.loads(Path(catalog_path).read_text())

    @classmethod
    def read_state(cls, state_path: str) -> Any:
        return json.loads(Path(state_path).read_text()) if state_path else []

    def read(
        self, logger: Any, config: Mapping[str, Any], catalog: Any, state: Any = None
    ) -> Iterable[AirbyteMessage]:
        files = {"config": config, "catalog": catalog, **({"state": state} if state else {})}
        yield from self._messages(["read"], **files)

    def _single(self, kind: Type, args: list[str], **files: Any) -> AirbyteMessage:
        found = [message for message in self._messages(args, **files) if message.type == kind]
        assert len(found) == 1, f"{args} gave {len(found)} messages {kind}"
        return found[0]

    def _messages(self, args: list[str], **files: Any) -> list[AirbyteMessage]:
        done = self.run_command(args, **files)
        messages = [parsed(line) for line in done.stdout.splitlines() if line.strip()]
        failed = any(
            message.type == Type.TRACE and message.trace.type.value == "ERROR"
            for message in messages
        )
        if done.returncode != 0 and not failed:
            raise RuntimeError(f"{args} ended with {done.returncode}: {done.stderr[-2000:]}")
        return messages

    @staticmethod
    def run_command(args: list[str], **files: Any) -> "subprocess.CompletedProcess[str]":
        with tempfile.TemporaryDirectory() as folder:
            options: list[str] = []
            for name, document in files.items():
                path = Path(folder) / f"{name}.json"
                path.write_text(json.dumps(document))
                options += [f"--{name}", str(path)]
            return subprocess.run(
                [*COMMAND, *args, *options], capture_output=True, text=True, check=False
            )


def parsed(line: str) -> AirbyteMessage:
    document = json.loads(line)
    message = AirbyteMessageSerializer.load(document)
    # The serializer drops what it does not know: the message has to be there all the same.
    assert any(key != "type" and key in document for key in document), line
    return message

"""The CDK's standard tests for sources, as a connector of Airbyte has them, and what they leave out."""

import json
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
from airbyte_cdk.models import (
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
)
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase
from airbyte_cdk.test.standard_tests._job_runner import run_test_job
from jsonschema import Draft7Validator
from reactor_source import ReactorSource

HERE = Path(__file__).parent


class TestReactorSource(SourceTestSuiteBase):
    connector = ReactorSource

    @classmethod
    def get_connector_root_dir(cls) -> Path:
        return HERE

    def test_records_fit_their_schemas(self, scenario) -> None:
        """Each printed record is valid for the schema of its stream, and each stream has a state."""
        streams = self._discovered(scenario)
        config = scenario.get_config_dict(connector_root=HERE, empty_if_missing=False)
        catalog = document_of(configured(streams, SyncMode.full_refresh))
        done = ReactorSource.run_command(["read"], config=config, catalog=catalog)
        assert done.returncode == 0, done.stderr
        # As they are printed: the CDK leaves out what is null.
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        records = [message["record"] for message in messages if message["type"] == "RECORD"]
        assert records
        schemas = {stream.name: Draft7Validator(stream.json_schema) for stream in streams}
        for record in records:
            errors = list(schemas[record["stream"]].iter_errors(record["data"]))
            assert not errors, f"{record['stream']}: {errors[0].message} in {record['data']}"
        states = [message["state"]["stream"] for message in messages if message["type"] == "STATE"]
        assert {state["stream_descriptor"]["name"] for state in states} == set(schemas)

    def test_states_count_their_records(self, scenario) -> None:
        """A state counts the records since the one before it; no record comes after the last one."""
        streams = self._discovered(scenario)
        result = self._read(scenario, streams, SyncMode.full_refresh)
        counts = {stream.name: 0 for stream in streams}
        for message in result.records_and_state_messages:
            if message.record:
                counts[message.record.stream] += 1
                continue
            name = message.state.stream.stream_descriptor.name
            assert message.state.sourceStats.recordCount == counts[name], name
            counts[name] = 0
        assert set(counts.values()) == {0}

    def test_incremental_read_goes_on(self, scenario) -> None:
        """From the last states of a read, another one gives no record that it had not to give again."""
        streams = [
            stream
            for stream in self._discovered(scenario)
            if SyncMode.incremental in stream.supported_sync_modes and cursor_of(stream)
        ]
        if not streams:
            pytest.skip("no stream is incremental")
        first = self._read(scenario, streams, SyncMode.incremental)
        last = {m.state.stream.stream_descriptor.name: m.state for m in first.state_messages}
        source = ReactorSource()
        again = source._messages(
            ["read"],
            config=scenario.get_config_dict(connector_root=HERE, empty_if_missing=False),
            catalog=document_of(configured(streams, SyncMode.incremental)),
            state=[plain(state) for state in last.values()],
        )
        records = [message for message in again if message.record]
        assert len(records) < len(first.records), f"{len(records)} of {len(first.records)}"

    def _discovered(self, scenario):
        result = run_test_job(
            self.create_connector(scenario),
            "discover",
            connector_root=HERE,
            test_scenario=scenario.without_expected_outcome(),
        )
        return result.catalog.catalog.streams

    def _read(self, scenario, streams, mode):
        return run_test_job(
            self.create_connector(scenario),
            "read",
            connector_root=HERE,
            test_scenario=scenario,
            catalog=configured(streams, mode),
        )


def plain(state):
    """As a platform hands a state back."""
    from airbyte_cdk.models import AirbyteStateMessageSerializer

    document = AirbyteStateMessageSerializer.dump(state)
    return {"type": "STREAM", "stream": document["stream"]}


def document_of(catalog):
    """As the CDK writes it, with null for what is absent."""
    return json.loads(orjson.dumps(asdict(catalog)))


def cursor_of(stream):
    """The cursor of the source, or the key: both rise in these tests."""
    keys = stream.source_defined_primary_key or []
    return stream.default_cursor_field or (keys[0] if len(keys) == 1 else None)


def configured(streams, mode) -> ConfiguredAirbyteCatalog:
    return ConfiguredAirbyteCatalog(
        streams=[
            ConfiguredAirbyteStream(
                stream=stream,
                sync_mode=mode,
                destination_sync_mode=DestinationSyncMode.append,
                cursor_field=cursor_of(stream),
                primary_key=stream.source_defined_primary_key,
            )
            for stream in streams
        ]
    )

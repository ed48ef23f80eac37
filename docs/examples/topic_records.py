"""Decodes the records of a stream's topic (docs/topics.md, decoding)."""

import io, json, math
from datetime import datetime, timedelta
from decimal import Decimal

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition


class Schemas:
    """The schemas by fingerprint, from BEGIN, or from their topic if the BEGIN was not read."""

    def __init__(self, brokers, topic):
        self.brokers, self.topic, self.known, self.kinds = brokers, topic, {}, {}

    def add(self, fingerprint, schema):
        fields = (schema["items"] if schema["type"] == "array" else schema)["fields"]
        columns = [(field["name"], field["original_name"], printer(field["type"])) for field in fields if "original_name" in field]
        self.kinds[fingerprint] = json.dumps({field["original_name"]: field["kind"] for field in fields if "kind" in field})
        self.known[fingerprint] = (fastavro.parse_schema(without_logical_types(schema)), columns)

    def decode(self, value):
        fingerprint = value[2:10][::-1].hex()  # after C3 01
        if fingerprint not in self.known:
            for key, schema in entries(self.brokers, self.topic):
                self.add(key, schema)
        schema, columns = self.known[fingerprint]
        datum = fastavro.schemaless_reader(io.BytesIO(value[10:]), schema, None)
        return fingerprint, [row_of(record, columns) for record in (datum if isinstance(datum, list) else [datum])]


def without_logical_types(schema):
    """Dates and times stay numbers: Python's own have no 24:00:00."""
    if isinstance(schema, list):
        return [without_logical_types(each) for each in schema]
    if isinstance(schema, dict):
        return {name: without_logical_types(value) for name, value in schema.items() if name != "logicalType"}
    return schema


def row_of(record, columns):
    """By the real names of the columns. A field that a stream with changes does not have is left out."""
    overflow = record["_airbyte_overflow"] or {}
    has_changes = any(name.startswith("_ab_cdc_") for _, name, _ in columns)
    row = {"_airbyte_extracted_at": iso(record["_airbyte_extracted_at"] * 1000) + "Z"}
    for field, name, printed in columns:
        if record[field] is not None:
            row[name] = printed(record[field])
        elif overflow.get(name) is not None:
            value = json.loads(overflow[name])
            row[name] = value if isinstance(value, str) else overflow[name]
        elif not (has_changes and name in overflow):
            row[name] = None
    return row


def printer(avro):
    kind = next(each for each in avro if each != "null") if isinstance(avro, list) else avro
    kind = kind.get("logicalType", kind["type"]) if isinstance(kind, dict) else kind
    return {
        "date": lambda days: iso(days * 86_400_000_000)[:10],
        "time-micros": lambda micros: iso(micros)[11:] if micros < 86_400_000_000 else "24:00:00.000000",
        "timestamp-micros": lambda micros: iso(micros) + "Z",
        "local-timestamp-micros": iso,
        "bytes": bytes.hex,
        "double": lambda value: value if math.isfinite(value) else str(Decimal(value)),
    }.get(kind, lambda value: value)


def iso(micros):
    return (datetime(1970, 1, 1) + timedelta(microseconds=micros)).isoformat(timespec="microseconds")


def entries(brokers, topic):
    """The keys and values of connect.schemas or connect.states."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "none", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    while (message := consumer.poll(60)) is not None and message.error() is None:
        yield message.key().decode(), json.loads(message.value())
    consumer.close()
    if message is None or message.error().code() != KafkaError._PARTITION_EOF:
        raise SystemExit(f"{topic} cannot be read: {message and message.error()}")

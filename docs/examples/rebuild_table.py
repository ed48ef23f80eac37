"""Rebuilds the tables of streams from their topics, in SQLite. docs/topic-consumer-python.md explains it.

    pip install confluent-kafka fastavro
    python rebuild_table.py read --brokers localhost:9092 connect.shop.public.orders    # until it is killed
    python rebuild_table.py table connect.shop.public.orders                            # the rows, as JSON lines
"""

import argparse, json, os, sqlite3, sys, time
from decimal import Decimal

from confluent_kafka import Consumer, KafkaError, TopicPartition

from topic_records import Schemas, entries

STORE = """
CREATE TABLE IF NOT EXISTS positions (partition INTEGER PRIMARY KEY, next INTEGER);
CREATE TABLE IF NOT EXISTS plans (sync INTEGER PRIMARY KEY, plan TEXT);
CREATE TABLE IF NOT EXISTS ends (sync INTEGER, partition INTEGER, value TEXT, PRIMARY KEY (sync, partition));
CREATE TABLE IF NOT EXISTS kinds (fingerprint TEXT PRIMARY KEY, kinds TEXT);
CREATE TABLE IF NOT EXISTS gaps (sync INTEGER, partition INTEGER);
CREATE TABLE IF NOT EXISTS records (sync INTEGER, slice TEXT, seq INTEGER, partition INTEGER, fingerprint TEXT, row TEXT,
  PRIMARY KEY (sync, slice, seq, partition)) WITHOUT ROWID; -- `row` is null if the record was rejected
"""


class Partition:
    def __init__(self, position):
        self.position = self.safe = position  # what is in the store; and up to where a transaction may go
        self.unit, self.writes, self.at_end = [], [], False


class Copy:
    """The copy of one stream in a file, which processes share. Each transaction has the position that goes with its records."""

    def __init__(self, folder, topic):
        os.makedirs(folder, exist_ok=True)
        self.topic, self.partitions = topic, {}
        self.db = sqlite3.connect(os.path.join(folder, topic + ".db"), timeout=60)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(STORE)

    def start(self, number, low):
        """From where to read a partition: the position, or the begin of the topic if that is behind it."""
        with self.db:
            self.db.execute("INSERT OR IGNORE INTO positions VALUES (?, 0)", (number,))
            ((position,),) = self.db.execute("SELECT next FROM positions WHERE partition = ?", (number,))
            if low > position:
                add_gap(self.db, self.topic, number, f"messages {position} to {low} are gone after retention")
                self.db.execute("UPDATE positions SET next = ? WHERE partition = ?", (low, number))
        self.partitions[number] = Partition(max(position, low))
        return TopicPartition(self.topic, number, max(position, low))

    def take(self, message, schemas):
        number, part = message.partition(), self.partitions[message.partition()]
        header = {name: value.decode() for name, value in message.headers() or ()}
        if header.get("v", "1") != "1":
            raise SystemExit(f"{self.topic}: version {header['v']} is not known here")
        match header.get("type"):
            case "RECORD":
                fingerprint, rows = schemas.decode(message.value())
                part.unit += [(int(header["seq"]) + n, fingerprint, json.dumps(row)) for n, row in enumerate(rows)]
            case "REJECTED":
                part.unit.append((int(header["seq"]), None, None))
            case "STORED":
                raise SystemExit(f"{self.topic}: a record is in Storage, which is not read here (docs/storage.md)")
            case "BEGIN":
                part.unit, begin = [], json.loads(message.value())  # the writer of an open unit has died
                schemas.add(header["fingerprint"], begin["schema"])
                part.writes.append((begin_slice, header))
            case "STATE" if len(part.unit) != int(header["count"]):
                part.unit = []
                part.writes.append((add_gap, self.topic, number, f"the begin of the unit before {message.offset()} is gone"))
            case "STATE":
                rows = [(header["sync"], header["slice"], seq, number, *record) for seq, *record in part.unit]
                part.writes.append((write_unit, rows, schemas.kinds))
                part.unit = []
            case "PLAN":
                part.writes.append((begin_attempt, number, json.loads(message.value())))
            case "SYNC_END":
                part.writes.append((end_sync, header["sync"], number, message.value().decode()))
        self.reach(part, message.offset() + 1, at_end=False)

    def reach(self, part, offset, at_end):
        part.at_end = at_end
        if not part.unit:
            part.safe = offset

    def flush(self, number):
        """Writes what was taken. False if another process has gone on with this partition: then nothing is written."""
        part = self.partitions[number]
        with self.db:
            move = "UPDATE positions SET next = ? WHERE partition = ? AND next = ?"
            is_ours = self.db.execute(move, (part.safe, number, part.position)).rowcount == 1
            for write, *values in part.writes if is_ours else ():
                write(self.db, *values)
        part.writes, part.position = [], part.safe
        return is_ours


def begin_attempt(db, number, plan):
    """A plan takes back what came after it, in its partition: the sync begins again, or the destination was dropped or restored."""
    first = plan["sync"] + (1 if plan["resumed"] else 0)
    for name in ("records", "ends", "gaps"):
        db.execute(f"DELETE FROM {name} WHERE sync >= ? AND partition = ?", (first, number))
    db.execute("INSERT OR REPLACE INTO plans VALUES (?, ?)", (plan["sync"], json.dumps(plan)))
    replaced = [sync for sync, other in plans(db) if sync < plan["sync"] and is_overwrite(other) and is_complete(db, sync)]
    for name in ("records", "ends", "plans", "gaps"):
        db.execute(f"DELETE FROM {name} WHERE sync < ?", (max(replaced, default=0),))


def begin_slice(db, header):
    """Records from `seq` on come again, if they are here already."""
    db.execute("DELETE FROM records WHERE sync = ? AND slice = ? AND seq >= ?", (header["sync"], header["slice"], header["seq"]))


def write_unit(db, rows, kinds):
    db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.executemany("INSERT OR REPLACE INTO kinds VALUES (?, ?)", kinds.items())


def end_sync(db, sync, number, value):
    db.execute("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", (sync, number, value))


def add_gap(db, topic, number, what):
    print(f"{topic}[{number}]: {what}", file=sys.stderr)
    # In the sync after the last one that ended. If the next plan begins that sync, nothing of it was lost.
    db.execute("INSERT INTO gaps SELECT coalesce(max(sync), 0) + 1, ?1 FROM ends WHERE partition = ?1", (number,))


def plans(db):
    return [(sync, json.loads(plan)) for sync, plan in db.execute("SELECT * FROM plans ORDER BY sync")]


def is_overwrite(plan):
    return plan["destination_sync_mode"].startswith("overwrite")


def is_complete(db, sync):
    """The end has come from all partitions, and all records that it counts are here."""
    ends = [json.loads(value) for (value,) in db.execute("SELECT value FROM ends WHERE sync = ?", (sync,))]
    newest = max(ends, key=lambda end: end["attempt"], default=None)
    if newest is None or sum(end["attempt"] == newest["attempt"] for end in ends) < newest["partitions"]:
        return False
    held = dict(db.execute("SELECT slice, count(*) FROM records WHERE sync = ? GROUP BY slice", (sync,)))
    return all(held.get(part["slice"], 0) == part["records"] for part in newest["slices"])


def table(db):
    """The rows; and whether messages are missing of which rows should be made."""
    kinds = {fingerprint: json.loads(text) for fingerprint, text in db.execute("SELECT * FROM kinds")}
    rows, has_gap = {}, False
    for sync, plan in plans(db):
        if plan["destination_sync_mode"] not in ("append", "append_dedup", "overwrite", "overwrite_dedup"):
            raise SystemExit(f"the mode {plan['destination_sync_mode']} is not known here")
        records = list(db.execute("SELECT * FROM records WHERE sync = ? ORDER BY slice, seq", (sync,)))
        if is_overwrite(plan):
            if not is_complete(db, sync) or (records and all(row is None for *_, row in records)):
                continue
            rows, has_gap = {}, False
        else:
            has_gap = has_gap or db.execute("SELECT 1 FROM gaps WHERE sync <= ?", (sync,)).fetchone() is not None
        for *place, fingerprint, row in records:
            if row is None:
                continue
            if plan["destination_sync_mode"].endswith("dedup"):
                merge(rows, plan, kinds.get(fingerprint, {}), json.loads(row))
            else:
                rows[tuple(place)] = (None, json.loads(row))
    return [row for _, row in rows.values() if row is not None], has_gap


def merge(rows, plan, kinds, row):
    """Keeps the newest version of a key. Of a deleted row the age stays, so that no older version brings it back."""
    key = tuple(rank(row, path, kinds) for path in plan["primary_key"])
    age = (rank(row, plan["cursor"], kinds), row["_airbyte_extracted_at"])
    held_age, held = rows.get(key, (age, None))
    if age < held_age:
        return
    mark, mode = plan["deletes"]["column"], plan["deletes"]["mode"]
    is_deleted = mark is not None and row.get(mark) is not None
    if is_deleted and mode not in ("hard", "soft"):
        raise SystemExit(f"deletes: {mode} is not known here")
    if is_deleted and mode == "soft":
        row = {name: value for name, value in row.items() if value is not None}
    # What the record does not have stays as it was.
    rows[key] = (age, None if is_deleted and mode == "hard" else {**(held or {}), **row})


def rank(row, path, kinds):
    """A value as it is compared: null before all, numbers as numbers, other values as text."""
    value = row.get(path[0]) if path else None
    for name in (path or ())[1:]:
        value = json.loads(value or "{}").get(name)
    if value is None:
        return (0,)
    if kinds.get(path[0]) == "number" or isinstance(value, (int, float)):
        number = Decimal(str(value))
        return (2,) if number.is_nan() else (1, number)
    return (1, str(value))


def read(options):
    copies = {topic: Copy(options.store, topic) for topic in options.topics}
    schemas = Schemas(options.brokers, options.schemas)
    consumer = Consumer({
        "bootstrap.servers": options.brokers,
        "group.id": options.group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,  # positions are in the store
        "auto.offset.reset": "error",  # tells when retention has passed a position
        "enable.partition.eof": True,
        "topic.metadata.refresh.interval.ms": 5_000,  # partitions are added
        "session.timeout.ms": 6_000,
    })

    def start(topic, number):
        return copies[topic].start(number, consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=60)[0])

    def assign(_, partitions):
        consumer.assign([start(each.topic, each.partition) for each in partitions])

    def revoke(_, partitions):
        for each in partitions:
            copies[each.topic].flush(each.partition)
            del copies[each.topic].partitions[each.partition]

    consumer.subscribe(options.topics, on_assign=assign, on_revoke=revoke)
    written = time.monotonic()
    while True:
        message = consumer.poll(0.5)
        code = message.error().code() if message is not None and message.error() else None
        if code == KafkaError._PARTITION_EOF:  # it is behind the markers of transactions, which have offsets too
            copy = copies[message.topic()]
            copy.reach(copy.partitions[message.partition()], message.offset(), at_end=True)
        elif code == KafkaError._AUTO_OFFSET_RESET:
            consumer.seek(start(message.topic(), message.partition()))
        elif code is not None:
            raise SystemExit(f"{message.topic()}: {message.error()}")
        elif message is not None:
            copies[message.topic()].take(message, schemas)
        ends = [part.at_end for copy in copies.values() for part in copy.partitions.values()]
        is_last = options.until_end and ends != [] and all(ends)
        if message is None or is_last or time.monotonic() - written > 0.5:
            for copy in copies.values():
                for number in [n for n, part in copy.partitions.items() if part.safe != part.position]:
                    if not copy.flush(number):
                        consumer.seek(start(copy.topic, number))
            written = time.monotonic()
        if is_last:
            return consumer.close()


def print_table(options):
    rows, has_gap = table(Copy(options.store, options.topics[0]).db)
    for row in rows:
        print(json.dumps(row))
    if has_gap:
        raise SystemExit("messages were gone before they were read: begin the copy again (docs/topics.md, readers that come late)")


def seed(options):
    """Begins the copy with the rows of the destination's table (JSON lines on stdin) and the sink's positions."""
    topic, stream = options.topics
    states = [value for key, value in entries(options.brokers, options.states) if json.loads(key) == json.loads(stream)]
    copy, plan = Copy(options.store, topic), states[-1]["plan"]
    with copy.db:
        copy.db.executemany("INSERT INTO positions VALUES (?, ?)", json.loads(options.positions).items())
        copy.db.executemany("INSERT INTO plans VALUES (?, ?)", [(0, json.dumps(plan)), (plan["sync"], json.dumps(plan))])
        for number in {*range(plan["partitions"]), *map(int, json.loads(options.positions))} if options.whole else ():
            end_sync(copy.db, options.whole, number, "null")  # what is gone of it, and of those before it, is in the rows
        write_unit(copy.db, [(0, "", number, -1, None, line) for number, line in enumerate(sys.stdin)], {})


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("command", choices=["read", "table", "seed"])
parser.add_argument("topics", nargs="+", help="of streams; for `seed` one, and its key in connect.states")
parser.add_argument("--store", default="copies", help="a folder, with a file for each topic")
parser.add_argument("--brokers", default="localhost:9092")
parser.add_argument("--group", default="rebuild-table")
parser.add_argument("--schemas", default="connect.schemas")
parser.add_argument("--states", default="connect.states")
parser.add_argument("--until-end", action="store_true", help="read to the ends of the topics, and end")
parser.add_argument("--positions", default="{}", help="of `seed`: partition to offset, as JSON")
parser.add_argument("--whole", type=int, help="of `seed`: the stream's sync, if it is complete in the table")
if __name__ == "__main__":
    arguments = parser.parse_args()
    {"read": read, "table": print_table, "seed": seed}[arguments.command](arguments)

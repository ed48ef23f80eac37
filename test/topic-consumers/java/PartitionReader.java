import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/** Takes the messages of one partition, unit by unit, and writes them to the copy together with the position. */
final class PartitionReader {
  private final StreamCopy copy;
  private final int partition;
  private final List<Write> writes = new ArrayList<>();
  private List<UnitRecord> unit = new ArrayList<>();
  /** Up to where the copy holds the partition. */
  private long position;
  /** Up to where everything is in `writes`, and no unit is open. */
  private long safe;

  /** A record of a unit; one that was rejected has no row. */
  record UnitRecord(long seq, String fingerprint, ObjectNode row) {}

  interface Write {
    void to(StreamCopy copy) throws SQLException;
  }

  PartitionReader(StreamCopy copy, int partition, long low) {
    this.copy = copy;
    this.partition = partition;
    try {
      position = copy.positionOf(partition, low);
    } catch (SQLException error) {
      throw new IllegalStateException(error);
    }
    safe = position;
  }

  long position() {
    return position;
  }

  void take(ConsumerRecord<byte[], byte[]> message, Schemas schemas) {
    Map<String, String> headers = new HashMap<>();
    for (Header header : message.headers())
      headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8));
    if (!headers.getOrDefault("v", "1").equals("1"))
      throw new IllegalStateException("version " + headers.get("v") + " is not known");
    String type = headers.getOrDefault("type", "");
    switch (type) {
      case "RECORD" -> takeRecords(Long.parseLong(headers.get("seq")), schemas.decode(message.value()));
      case "REJECTED" -> unit.add(new UnitRecord(Long.parseLong(headers.get("seq")), null, null));
      case "STORED" -> throw new IllegalStateException("a record in Storage, which is not read here");
      case "BEGIN" -> begin(headers, Json.parse(message.value()), schemas);
      case "STATE" -> endUnit(headers, message.offset());
      case "PLAN" -> {
        JsonNode plan = Json.parse(message.value());
        writes.add(to -> to.plan(partition, plan));
      }
      case "SYNC_END" -> {
        JsonNode end = Json.parse(message.value());
        writes.add(to -> to.end(partition, end));
      }
      default -> {}
    }
    reach(message.offset() + 1);
  }

  /** Nothing is before this offset that was not taken. */
  void reach(long offset) {
    if (unit.isEmpty()) safe = offset;
  }

  private void takeRecords(long first, Schemas.Decoded decoded) {
    long seq = first;
    for (ObjectNode row : decoded.rows())
      unit.add(new UnitRecord(seq++, decoded.fingerprint(), row));
  }

  private void begin(Map<String, String> headers, JsonNode begin, Schemas schemas) {
    unit = new ArrayList<>();
    schemas.add(headers.get("fingerprint"), begin.get("schema"));
    ObjectNode kinds = Json.object();
    for (JsonNode column : begin.get("columns"))
      kinds.put(column.get("name").textValue(), column.get("kind").textValue());
    long sync = Long.parseLong(headers.get("sync"));
    long seq = Long.parseLong(headers.get("seq"));
    writes.add(
        to -> {
          to.kinds(headers.get("fingerprint"), kinds);
          to.begin(partition, sync, headers.get("slice"), seq);
        });
  }

  private void endUnit(Map<String, String> headers, long offset) {
    List<UnitRecord> records = unit;
    unit = new ArrayList<>();
    long sync = Long.parseLong(headers.get("sync"));
    if (records.size() == Integer.parseInt(headers.get("count")))
      writes.add(to -> to.unit(partition, sync, headers.get("slice"), records));
    else writes.add(to -> to.gap(partition, "a unit without its begin, before " + offset));
  }

  /** False: another process has gone on with the partition, and nothing was written. */
  boolean flush() {
    if (safe == position) return true;
    try {
      boolean written =
          copy.inTransaction(
              () -> {
                if (!copy.move(partition, position, safe)) return false;
                for (Write write : writes) write.to(copy);
                return true;
              });
      writes.clear();
      position = safe;
      return written;
    } catch (SQLException error) {
      throw new IllegalStateException(error);
    }
  }
}

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;

/** The copy of one stream in a SQLite file: its rows by key, and the records of an overwrite until it is complete. */
final class StreamCopy {
  private static final List<String> TABLES =
      List.of(
          "positions (partition INTEGER PRIMARY KEY, next INTEGER)",
          "plans (sync INTEGER PRIMARY KEY, plan TEXT)",
          "ends (sync INTEGER, partition INTEGER, attempt INTEGER, value TEXT, PRIMARY KEY (sync, partition))",
          "kinds (fingerprint TEXT PRIMARY KEY, kinds TEXT)",
          "slices (sync INTEGER, slice TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (sync, slice, partition))",
          "gaps (partition INTEGER, sync INTEGER, why TEXT)",
          "staged (sync INTEGER, slice TEXT, seq INTEGER, partition INTEGER, fingerprint TEXT, row TEXT,"
              + " PRIMARY KEY (sync, slice, seq, partition)) WITHOUT ROWID",
          // A row that was deleted stays without values, so that no older record brings it back.
          "rows (key TEXT PRIMARY KEY, sync INTEGER, slice TEXT, seq INTEGER, partition INTEGER, cursor TEXT, extracted TEXT, row TEXT)");
  private static final Set<String> MODES =
      Set.of("append", "append_dedup", "overwrite", "overwrite_dedup");
  private static final Set<String> NUMBERS = Set.of("integer", "number", "double");

  private final String topic;
  private final Connection connection;
  private final Map<String, PreparedStatement> statements = new HashMap<>();

  StreamCopy(String folder, String topic) throws SQLException {
    this.topic = topic;
    new File(folder).mkdirs();
    connection = DriverManager.getConnection("jdbc:sqlite:" + new File(folder, topic + ".db"));
    try (var statement = connection.createStatement()) {
      statement.execute("PRAGMA busy_timeout = 60000");
      statement.execute("PRAGMA journal_mode = WAL");
      for (String table : TABLES) statement.execute("CREATE TABLE IF NOT EXISTS " + table);
    }
  }

  interface Work {
    boolean run() throws SQLException;
  }

  /** Keeps what the work wrote if it gives true. */
  boolean inTransaction(Work work) throws SQLException {
    write("BEGIN IMMEDIATE");
    boolean isGood = false;
    try {
      isGood = work.run();
    } finally {
      write(isGood ? "COMMIT" : "ROLLBACK");
    }
    return isGood;
  }

  /** Where to read the partition from. If retention has passed that, what is missing is noted. */
  long positionOf(int partition, long low) throws SQLException {
    long[] position = {0};
    inTransaction(
        () -> {
          write("INSERT OR IGNORE INTO positions VALUES (?, 0)", partition);
          position[0] = number("SELECT next FROM positions WHERE partition = ?", partition);
          if (low <= position[0]) return true;
          gap(partition, "messages " + position[0] + " to " + low + " are gone");
          write("UPDATE positions SET next = ? WHERE partition = ?", low, partition);
          position[0] = low;
          return true;
        });
    return position[0];
  }

  boolean move(int partition, long from, long to) throws SQLException {
    return write("UPDATE positions SET next = ? WHERE partition = ? AND next = ?", to, partition, from) == 1;
  }

  void gap(int partition, String why) throws SQLException {
    System.err.println(topic + "[" + partition + "]: " + why);
    write(
        "INSERT INTO gaps SELECT ?, coalesce(max(sync), 0) + 1, ? FROM ends WHERE partition = ?",
        partition, why, partition);
  }

  void plan(int partition, JsonNode plan) throws SQLException {
    String mode = plan.get("destination_sync_mode").textValue();
    if (!MODES.contains(mode)) throw new IllegalStateException("the mode " + mode + " is not known");
    long sync = plan.get("sync").longValue();
    long first = sync + (plan.get("resumed").booleanValue() ? 1 : 0);
    for (String table : List.of("rows", "staged", "slices", "ends", "gaps"))
      write("DELETE FROM " + table + " WHERE partition = ? AND sync >= ?", partition, first);
    write("INSERT OR REPLACE INTO plans VALUES (?, ?)", sync, Json.text(plan));
  }

  void kinds(String fingerprint, JsonNode kinds) throws SQLException {
    write("INSERT OR REPLACE INTO kinds VALUES (?, ?)", fingerprint, Json.text(kinds));
  }

  void begin(int partition, long sync, String slice, long seq) throws SQLException {
    long held = number("SELECT next FROM slices WHERE sync = ? AND slice = ? AND partition = ?", sync, slice, partition);
    // Of a slice that began before a copy with a seed nothing is known.
    boolean isSeeded = number("SELECT count(*) FROM slices WHERE partition = -1") > 0;
    if (seq > held && !(isSeeded && held == 0)) gap(partition, "sync " + sync + " slice '" + slice + "' goes on at " + seq + ", after " + held);
    write("DELETE FROM staged WHERE sync = ? AND slice = ? AND seq >= ?", sync, slice, seq);
    // By key, the record that comes again replaces the row.
    if (!isDedup(planOf(sync)))
      write("DELETE FROM rows WHERE sync = ? AND slice = ? AND seq >= ?", sync, slice, seq);
    write("INSERT OR REPLACE INTO slices VALUES (?, ?, ?, ?)", sync, slice, partition, seq);
  }

  void unit(int partition, long sync, String slice, List<PartitionReader.UnitRecord> records)
      throws SQLException {
    if (records.isEmpty()) return;
    JsonNode plan = planOf(sync);
    for (PartitionReader.UnitRecord record : records) {
      if (isOverwrite(plan))
        write(
            "INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?, ?)",
            sync, slice, record.seq(), partition, record.fingerprint(),
            record.row() == null ? null : Json.text(record.row()));
      else if (record.row() != null)
        apply(plan, new Record(sync, slice, record.seq(), partition, record.fingerprint(), record.row()));
    }
    long next = records.get(records.size() - 1).seq() + 1;
    write("INSERT OR REPLACE INTO slices VALUES (?, ?, ?, ?)", sync, slice, partition, next);
  }

  void end(int partition, JsonNode end) throws SQLException {
    long sync = end.get("sync").longValue();
    write(
        "INSERT OR REPLACE INTO ends VALUES (?, ?, ?, ?)",
        sync, partition, end.get("attempt").longValue(), Json.text(end));
    JsonNode plan = planOf(sync);
    if (!isOverwrite(plan) || !isComplete(end)) return;
    long rows = number("SELECT count(row) FROM staged WHERE sync = ?", sync);
    // A sync with nothing but rejected records is not put in place.
    if (rows == 0 && end.get("records").longValue() > 0) return;
    write("DELETE FROM rows");
    for (Record record : staged(sync)) apply(plan, record);
    write("DELETE FROM gaps");
    for (String table : List.of("staged", "ends", "plans", "slices"))
      write("DELETE FROM " + table + " WHERE sync < ?", sync);
  }

  private boolean isComplete(JsonNode end) throws SQLException {
    long ends = number(
        "SELECT count(*) FROM ends WHERE sync = ? AND attempt = ?",
        end.get("sync").longValue(), end.get("attempt").longValue());
    if (ends < end.get("partitions").longValue()) return false;
    for (JsonNode slice : end.get("slices")) {
      long held = number(
          "SELECT count(*) FROM staged WHERE sync = ? AND slice = ?",
          end.get("sync").longValue(), slice.get("slice").textValue());
      if (held != slice.get("records").longValue()) return false;
    }
    return true;
  }

  private record Record(long sync, String slice, long seq, int partition, String fingerprint, ObjectNode row) {}

  private List<Record> staged(long sync) throws SQLException {
    List<Record> records = new ArrayList<>();
    try (ResultSet found =
        query("SELECT * FROM staged WHERE sync = ? AND row IS NOT NULL ORDER BY slice, seq", sync)) {
      while (found.next())
        records.add(
            new Record(
                sync, found.getString("slice"), found.getLong("seq"), found.getInt("partition"),
                found.getString("fingerprint"), (ObjectNode) Json.parse(found.getString("row"))));
    }
    return records;
  }

  private void apply(JsonNode plan, Record record) throws SQLException {
    if (!isDedup(plan)) {
      put(Json.text(Json.object().put("at", record.sync() + " " + record.seq() + " " + record.partition() + " " + record.slice())), record, null, record.row());
      return;
    }
    JsonNode kinds = kindsOf(record.fingerprint());
    List<String> key = new ArrayList<>();
    for (JsonNode path : plan.get("primary_key")) key.add(Json.text(Rank.of(record.row(), path, kinds).json()));
    Rank cursor = Rank.of(record.row(), plan.get("cursor"), kinds);
    merge(plan, record, String.join(",", key), cursor);
  }

  private void merge(JsonNode plan, Record record, String key, Rank cursor) throws SQLException {
    ObjectNode held = null;
    try (ResultSet found = query("SELECT * FROM rows WHERE key = ?", key)) {
      if (found.next()) {
        String text = found.getString("row");
        held = text == null ? null : (ObjectNode) Json.parse(text);
        int order = cursor.compareTo(Rank.parse(found.getString("cursor")));
        if (order == 0) order = extracted(record.row()).compareTo(found.getString("extracted"));
        if (order == 0) order = Long.compare(record.sync(), found.getLong("sync"));
        if (order < 0) {
          // The row of a newer sync has no value for a column that its source had dropped; the older one has.
          if (held != null && record.sync() < found.getLong("sync"))
            write("UPDATE rows SET row = ? WHERE key = ?", Json.text(record.row().deepCopy().setAll(held)), key);
          return;
        }
      }
    }
    JsonNode deleted = plan.at("/deletes/column");
    boolean isDeleted = deleted.isTextual() && record.row().hasNonNull(deleted.textValue());
    if (isDeleted && plan.at("/deletes/mode").textValue().equals("hard")) {
      put(key, record, cursor, null);
      return;
    }
    ObjectNode row = held == null ? Json.object() : held;
    record.row().fields().forEachRemaining(
        field -> {
          if (!isDeleted || !field.getValue().isNull()) row.set(field.getKey(), field.getValue());
        });
    put(key, record, cursor, row);
  }

  private void put(String key, Record record, Rank cursor, ObjectNode row) throws SQLException {
    write(
        "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        key, record.sync(), record.slice(), record.seq(), record.partition(),
        cursor == null ? null : Json.text(cursor.json()), extracted(record.row()), row == null ? null : Json.text(row));
  }

  private static String extracted(JsonNode row) {
    return row.get("_airbyte_extracted_at").textValue();
  }

  void forEachRow(BiConsumer<String, String> take) throws SQLException {
    try (ResultSet found = query("SELECT key, row FROM rows WHERE row IS NOT NULL")) {
      while (found.next()) take.accept(found.getString(1), found.getString(2));
    }
  }

  boolean hasGap() throws SQLException {
    long last = number("SELECT coalesce(max(sync), 0) FROM plans");
    JsonNode plan = planOf(last);
    return plan != null && !isOverwrite(plan) && number("SELECT count(*) FROM gaps") > 0;
  }

  /** The rows of the destination's table, and the positions that were read in the same snapshot. */
  void seed(JsonNode plan, JsonNode positions, long whole, List<String> rows) throws SQLException {
    inTransaction(
        () -> {
          for (var position : positions.properties())
            write("INSERT INTO positions VALUES (?, ?)", Integer.parseInt(position.getKey()), position.getValue().longValue());
          write("INSERT INTO plans VALUES (?, ?)", plan.get("sync").longValue(), Json.text(plan));
          // What is gone of it, and of those before it, is in the rows.
          for (int partition = 0; whole > 0 && partition < plan.get("partitions").intValue(); partition++)
            write("INSERT INTO ends VALUES (?, ?, 0, 'null')", whole, partition);
          write("INSERT INTO slices VALUES (0, '', -1, 0)");
          long seq = 0;
          for (String row : rows)
            apply(plan, new Record(0, "", seq++, -1, "", (ObjectNode) Json.parse(row)));
          return true;
        });
  }

  private static boolean isDedup(JsonNode plan) {
    return plan.get("destination_sync_mode").textValue().endsWith("dedup");
  }

  private static boolean isOverwrite(JsonNode plan) {
    return plan.get("destination_sync_mode").textValue().startsWith("overwrite");
  }

  private JsonNode planOf(long sync) throws SQLException {
    try (ResultSet found = query("SELECT plan FROM plans WHERE sync = ?", sync)) {
      return found.next() ? Json.parse(found.getString(1)) : null;
    }
  }

  private JsonNode kindsOf(String fingerprint) throws SQLException {
    try (ResultSet found = query("SELECT kinds FROM kinds WHERE fingerprint = ?", fingerprint)) {
      return found.next() ? Json.parse(found.getString(1)) : Json.object();
    }
  }

  private int write(String sql, Object... values) throws SQLException {
    PreparedStatement statement = prepared(sql, values);
    statement.execute();
    return statement.getUpdateCount();
  }

  private long number(String sql, Object... values) throws SQLException {
    try (ResultSet found = query(sql, values)) {
      return found.next() ? found.getLong(1) : 0;
    }
  }

  private ResultSet query(String sql, Object... values) throws SQLException {
    return prepared(sql, values).executeQuery();
  }

  private PreparedStatement prepared(String sql, Object... values) throws SQLException {
    PreparedStatement statement = statements.get(sql);
    if (statement == null) statements.put(sql, statement = connection.prepareStatement(sql));
    for (int at = 0; at < values.length; at++) statement.setObject(at + 1, values[at]);
    return statement;
  }

  /** A value as it is compared: null before all, numbers as numbers, all else by the bytes of its text. */
  private record Rank(int level, BigDecimal number, String text) implements Comparable<Rank> {
    static Rank of(JsonNode row, JsonNode path, JsonNode kinds) {
      if (path == null || path.isNull()) return new Rank(0, null, null);
      JsonNode value = row.get(path.get(0).textValue());
      for (int at = 1; at < path.size() && value != null && !value.isNull(); at++)
        value = Json.parse(value.textValue()).get(path.get(at).textValue());
      if (value == null || value.isNull()) return new Rank(0, null, null);
      boolean isNumber = NUMBERS.contains(kinds.path(path.get(0).textValue()).asText()) || value.isNumber();
      if (path.size() > 1 || !isNumber) return new Rank(1, null, value.asText());
      return switch (value.asText()) {
        case "-Infinity" -> new Rank(1, null, null);
        case "Infinity" -> new Rank(3, null, null);
        case "NaN" -> new Rank(4, null, null);
        default -> new Rank(2, new BigDecimal(value.asText()).stripTrailingZeros(), null);
      };
    }

    JsonNode json() {
      ObjectNode json = Json.object().put("level", level);
      if (number != null) json.put("number", number.toPlainString());
      if (text != null) json.put("text", text);
      return json;
    }

    static Rank parse(String json) {
      JsonNode rank = Json.parse(json);
      String number = rank.path("number").textValue();
      return new Rank(rank.get("level").intValue(), number == null ? null : new BigDecimal(number), rank.path("text").textValue());
    }

    @Override
    public int compareTo(Rank other) {
      if (level != other.level) return Integer.compare(level, other.level);
      if (number != null && other.number != null) return number.compareTo(other.number);
      if (text == null || other.text == null) return 0;
      return Arrays.compareUnsigned(text.getBytes(StandardCharsets.UTF_8), other.text.getBytes(StandardCharsets.UTF_8));
    }
  }
}

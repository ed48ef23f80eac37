import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** The Avro schemas by fingerprint, and the rows of a RECORD. */
final class Schemas {
  private static final DateTimeFormatter MICROS =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS");
  private static final long DAY_MICROS = 86_400_000_000L;

  private final Map<String, Schema> known = new HashMap<>();
  private final Supplier<List<Map.Entry<String, byte[]>>> topic;

  Schemas(Supplier<List<Map.Entry<String, byte[]>>> topic) {
    this.topic = topic;
  }

  /** Rows of a RECORD, with the fingerprint of their schema. */
  record Decoded(String fingerprint, List<ObjectNode> rows) {}

  void add(String fingerprint, JsonNode schema) {
    known.put(fingerprint, new Schema.Parser().parse(Json.text(schema)));
  }

  Decoded decode(byte[] value) {
    if (value[0] != (byte) 0xC3 || value[1] != 1)
      throw new IllegalStateException("not Avro's single-object encoding");
    long number = Long.reverseBytes(ByteBuffer.wrap(value, 2, 8).getLong());
    String fingerprint = HexFormat.of().toHexDigits(number);
    if (!known.containsKey(fingerprint))
      for (var entry : topic.get()) add(entry.getKey(), Json.parse(entry.getValue()));
    Schema schema = known.get(fingerprint);
    try {
      Object datum =
          new GenericDatumReader<>(schema)
              .read(null, DecoderFactory.get().binaryDecoder(value, 10, value.length - 10, null));
      List<ObjectNode> rows = new ArrayList<>();
      if (datum instanceof List<?> records)
        for (Object record : records) rows.add(row((GenericRecord) record));
      else rows.add(row((GenericRecord) datum));
      return new Decoded(fingerprint, rows);
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }

  private static ObjectNode row(GenericRecord record) {
    Map<String, String> overflow = new HashMap<>();
    if (record.get("_airbyte_overflow") instanceof Map<?, ?> map)
      map.forEach((name, json) -> overflow.put(name.toString(), json == null ? null : json.toString()));
    List<Schema.Field> columns =
        record.getSchema().getFields().stream()
            .filter(field -> field.getProp("original_name") != null)
            .toList();
    boolean hasChanges =
        columns.stream().anyMatch(field -> field.getProp("original_name").startsWith("_ab_cdc_"));
    ObjectNode row = Json.object();
    row.put("_airbyte_extracted_at", timestamp((Long) record.get("_airbyte_extracted_at") * 1000) + "Z");
    for (Schema.Field field : columns) {
      String name = field.getProp("original_name");
      Object value = record.get(field.pos());
      if (value != null) put(row, name, value, field.schema());
      else if (overflow.get(name) != null) {
        JsonNode json = Json.parse(overflow.get(name));
        row.put(name, json.isTextual() ? json.textValue() : overflow.get(name));
      } else if (!(hasChanges && overflow.containsKey(name))) row.putNull(name);
    }
    return row;
  }

  private static void put(ObjectNode row, String name, Object value, Schema type) {
    if (type.isUnion())
      type = type.getTypes().stream().filter(each -> each.getType() != Schema.Type.NULL).findFirst().orElseThrow();
    String logical = type.getProp("logicalType");
    switch (type.getType()) {
      case BOOLEAN -> row.put(name, (Boolean) value);
      case INT -> row.put(name, LocalDate.ofEpochDay((Integer) value).toString());
      case LONG -> {
        long number = (Long) value;
        if (logical == null) row.put(name, number);
        else if (logical.equals("time-micros")) row.put(name, time(number));
        else row.put(name, timestamp(number) + (logical.startsWith("local") ? "" : "Z"));
      }
      case DOUBLE -> {
        double number = (Double) value;
        if (Double.isFinite(number)) row.put(name, number);
        else row.put(name, Double.toString(number));
      }
      case BYTES -> {
        ByteBuffer bytes = ((ByteBuffer) value).duplicate();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        row.put(name, HexFormat.of().formatHex(copy));
      }
      default -> row.put(name, value.toString());
    }
  }

  private static String time(long micros) {
    if (micros == DAY_MICROS) return "24:00:00.000000";
    return LocalTime.ofNanoOfDay(micros * 1000).format(DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS"));
  }

  private static String timestamp(long micros) {
    long seconds = Math.floorDiv(micros, 1_000_000L);
    int nanos = (int) Math.floorMod(micros, 1_000_000L) * 1000;
    return LocalDateTime.ofEpochSecond(seconds, nanos, ZoneOffset.UTC).format(MICROS);
  }
}

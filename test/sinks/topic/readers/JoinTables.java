import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/**
 * Joins the tables of three topics (brokers, state folder, products, stock, suppliers): products with stock by their common key, without
 * another topic between them, and products with suppliers by a field. Each line of standard input that names a join is
 * answered with its rows, and a line `end`.
 */
public class JoinTables {
  private static final ObjectMapper json = new ObjectMapper();

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2] + "-reader");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[1]);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
    // With a cache, a join of two tables keeps the row whose both sides are deleted between two commits of the application.
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    settings.put(StreamsConfig.consumerPrefix("isolation.level"), "read_committed");
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    StreamsBuilder builder = new StreamsBuilder();
    KTable<String, String> products = table(builder, args[2]);
    KTable<String, String> stock = table(builder, args[3]);
    KTable<String, String> suppliers = table(builder, args[4]);
    products.join(stock, JoinTables::both, named("stock"));
    products.join(suppliers, JoinTables::supplierKey, JoinTables::both, named("suppliers"));
    try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
      streams.setUncaughtExceptionHandler(
          error -> {
            error.printStackTrace();
            System.exit(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
          });
      streams.start();
      answer(streams);
      streams.close(Duration.ofSeconds(5));
    }
  }

  private static KTable<String, String> table(StreamsBuilder builder, String topic) {
    return builder.table(topic, Consumed.with(Serdes.String(), Serdes.String()));
  }

  private static Materialized<String, String, KeyValueStore<Bytes, byte[]>> named(String name) {
    return Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as(name)
        .withKeySerde(Serdes.String())
        .withValueSerde(Serdes.String());
  }

  private static String both(String left, String right) {
    return "[" + left + "," + right + "]";
  }

  private static String supplierKey(String product) {
    try {
      return "{\"id\":" + json.readTree(product).get("supplier_id") + "}";
    } catch (Exception error) {
      throw new IllegalStateException(product, error);
    }
  }

  private static void answer(KafkaStreams streams) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String name = lines.readLine(); name != null; name = lines.readLine()) {
      if (streams.state() == KafkaStreams.State.RUNNING) {
        var store =
            streams.store(
                StoreQueryParameters.fromNameAndType(
                    name, QueryableStoreTypes.<String, String>keyValueStore()));
        try (var rows = store.all()) {
          while (rows.hasNext()) out.println(rows.next().value);
        }
      }
      out.println("end");
    }
  }
}

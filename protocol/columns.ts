/**
 * What a column holds, on every road: the JSON Schema of a stream is reduced to these kinds once (`columnsOf`), and the
 * wire (Avro), the source's COPY text and the destination's column type all follow from the kind.
 *
 * | kind      | JSON Schema                                                   | Avro                          | Postgres    |
 * |-----------|---------------------------------------------------------------|-------------------------------|-------------|
 * | boolean   | boolean                                                       | boolean                       | BOOLEAN     |
 * | integer   | integer, or number with airbyte_type integer                  | long                          | BIGINT      |
 * | number    | number                                                        | string (the exact digits)     | NUMERIC     |
 * | double    | number with airbyte_type double (the source's type is one)    | double                        | NUMERIC     |
 * | string    | string, and any unknown string format                         | string                        | TEXT        |
 * | date      | string, format date                                           | int, logical date             | DATE        |
 * | timestamptz | string, format date-time (airbyte_type timestamp_with_timezone or none) | long, timestamp-micros | TIMESTAMPTZ |
 * | timestamp | string, format date-time, airbyte_type timestamp_without_timezone | long, local-timestamp-micros | TIMESTAMP |
 * | timetz    | string, format time, airbyte_type time_with_timezone or none  | string                        | TIMETZ      |
 * | time      | string, format time, airbyte_type time_without_timezone       | long, time-micros             | TIME        |
 * | bytes     | string, contentEncoding base64                                | bytes                         | BYTEA       |
 * | json      | object, array, oneOf/anyOf/several types, anything else       | string, logical json          | JSONB       |
 */
export type ColumnKind =
  | 'boolean'
  | 'integer'
  | 'number'
  | 'double'
  | 'string'
  | 'date'
  | 'timestamptz'
  | 'timestamp'
  | 'timetz'
  | 'time'
  | 'bytes'
  | 'json'

/** One top-level property of a stream. Every column is nullable on the wire. */
export interface Column {
  readonly name: string
  readonly kind: ColumnKind
}

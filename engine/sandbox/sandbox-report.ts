import { z } from 'zod'
import type { ReadOnly } from '../../lib/types/read-only.ts'
import { errorBodySchema } from '../../protocol/errors/error-body.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'
import { rowExamplesDocument, shownRow } from '../../sinks/postgres/sandbox/row-examples.ts'
import type { RunPorts } from '../ports.ts'

const unknownCount = z.number().nullable()

const rowCounts = z.object({
  insert: unknownCount,
  update: unknownCount,
  unchanged: unknownCount,
  delete: unknownCount,
})

const cost = z
  .object({
    rows: unknownCount,
    /** Bytes in the wire encoding. */
    bytes: unknownCount,
    requests: unknownCount.meta({ description: 'Of a source that speaks HTTP.' }),
    seconds: unknownCount,
  })
  .meta({
    description:
      'What a whole run would read; null if it cannot be estimated. The seconds of a stream that was cut follow from the rate of the last run.',
  })

const column = z.object({ name: z.string(), type: z.string() })

const columnRows = z.object({ column: z.string(), rows: z.number() })

const paths = z.array(z.array(z.string()))

export const sandboxRowExamples = rowExamplesDocument.meta({ id: 'SandboxRowExamples' })

const syncModes = {
  mode: z.enum(['append', 'append_dedup', 'overwrite', 'overwrite_dedup']),
  sync_mode: z.enum(['full_refresh', 'incremental']),
}

const keys = {
  primary_key: paths.meta({ description: 'The fields that identify its rows; empty: no key.' }),
  cursor_field: z.array(z.string()).meta({ description: 'A path; empty: no cursor.' }),
}

const streamDiff = z
  .object({
    table_exists: z.boolean().meta({ description: 'False: the run makes the table.' }),
    added_columns: z.array(column),
    removed_columns: z.array(column).meta({
      description:
        'Columns that the last run had and that the source no longer has: they stay, and new rows have NULL in them.',
    }),
    own_columns: z.array(column).meta({
      description:
        'Columns of the table that are not the source’s: they stay, and new rows have their default there.',
    }),
    /** Columns that are altered, so that they hold the values of both types. */
    type_changes: z.array(z.object({ name: z.string(), from: z.string(), to: z.string() })),
    definitions: z
      .object({ added: z.array(z.string()), removed: z.array(z.string()) })
      .exactOptional()
      .meta({
        description:
          'Indexes, constraints and so on that the run makes and drops by `with`; absent if it makes none. One that changes is in both.',
      }),
    rows: rowCounts.meta({
      description:
        'Rows of the table. Null: unknown, because a limit cut the stream or the comparison took too long.',
    }),
    at_least: z.array(z.enum(['insert', 'update', 'unchanged', 'delete'])).meta({
      description:
        'The figures of `rows`, for the records that were read: a whole run changes at least this many.',
    }),
    table_rows: z
      .object({ rows: z.number(), exact: z.boolean() })
      .nullable()
      .meta({ description: 'Rows of the table now; of a large one the server’s estimate.' }),
    estimated_delete: unknownCount.meta({
      description:
        'Rows that an overwrite which was cut may delete, by the rows of the table and the source’s own estimate.',
    }),
    nulled_values: z.array(columnRows).meta({
      description: 'Values that are there now and would be NULL.',
    }),
    reset_values: z.array(columnRows).meta({
      description: 'Values of `own_columns` that an overwrite replaces by the default.',
    }),
    dependent_rows: z
      .array(
        z.object({
          schema: z.string(),
          table: z.string(),
          constraint: z.string(),
          action: z.enum(['deleted', 'set_null', 'set_default']),
          rows: z.number(),
        }),
      )
      .meta({ description: 'Rows of other tables that change with those that a run deletes.' }),
    /** Views (and materialized views) that read the table, and the columns that they read. */
    dependent_views: z.array(
      z.object({ schema: z.string(), name: z.string(), columns: z.array(z.string()) }),
    ),
  })
  .meta({ id: 'SandboxDiff' })

const messages = z
  .object({
    topic: z.string(),
    topic_exists: z.boolean().meta({ description: 'False: the run makes the topic.' }),
    format: z.enum(['json', 'avro']),
    envelope: z.enum(['row', 'debezium']),
    compared_with: z.literal('nothing').meta({
      description:
        'A topic is not read back: whether a message says something new is not known. An overwrite that is complete also deletes the keys that it did not read; these are not counted.',
    }),
    rows: z.number().meta({ description: 'Records whose row is in a message.' }),
    deletes: z.number().meta({
      description: 'Records that the source marks as deleted: messages without a value.',
    }),
    bytes: z.number().meta({ description: 'Of all messages, before compression.' }),
    partitions: z.array(z.number()).nullable().meta({
      description:
        'Messages by partition. Null: not known, because the schema registry has no number for the schema of the key yet.',
    }),
    samples: z
      .array(
        z.object({
          partition: z.number().nullable(),
          key: z.string().nullable(),
          value: z.string().nullable().meta({ description: 'Null: the key is deleted.' }),
        }),
      )
      .meta({
        description:
          'The first messages; Avro as JSON. Only in the response to the request that ran the sandbox: they are stored nowhere.',
      }),
  })
  .meta({ id: 'SandboxMessages' })

const jsonText = z.string().nullable().meta({
  description: 'As JSON. Null: empty, or not known.',
})

const writes = z
  .object({
    instance: z.string(),
    compared_with: z.enum(['last_write_and_vendor']).meta({
      description:
        'Records that were written before are compared with what was sent last; others with the records of the vendor that have their external ids.',
    }),
    create: z.number(),
    update: z.number(),
    unchanged: z.number(),
    delete: z.number().nullable().meta({
      description: 'Null: not known, because a limit cut the stream.',
    }),
    deletes_held: z.boolean().meta({
      description:
        'True: a run stops before so many deletes, unless it is the one that the promote token starts.',
    }),
    samples: z
      .array(
        z.object({
          operation: z.enum(['create', 'update', 'delete']),
          key: z.string().meta({ description: 'The value of the field by which it is found.' }),
          id: z.string().nullable(),
          fields: z.array(z.object({ field: z.string(), from: jsonText, to: jsonText })),
        }),
      )
      .meta({
        description:
          'The first records, field by field. Only in the response to the request that ran the sandbox: they are stored nowhere.',
      }),
  })
  .meta({ id: 'SandboxWrites' })

export const sandboxStreamSchema = z
  .object({
    name: z.string(),
    namespace: z.string().exactOptional(),
    ...syncModes,
    ...keys,
    /** Null: the same, or there was none. */
    last_settings: z
      .object({ ...syncModes, ...keys })
      .nullable()
      .meta({ description: 'How its last run was configured, if that was different.' }),
    table: z
      .object({ schema: z.string(), name: z.string() })
      .exactOptional()
      .meta({ description: 'The production table. Absent: the rows go into a topic.' }),
    messages: messages.exactOptional().meta({
      description: 'What a run would send to a topic, of the records that were read.',
    }),
    writes: writes.exactOptional().meta({
      description: 'What a run would write into an instance, of the records that were read.',
    }),
    read: z.number().meta({ description: 'Records that were read.' }),
    /** Records that were too large, or that the destination rejected. */
    rejected: z.number(),
    complete: z.boolean().meta({
      description: 'True: it was read to its end, and the figures are those of a whole run.',
    }),
    /** The json_schema that the source declares. */
    declared_schema: jsonObjectSchema,
    /** JSON Schema of the records that were read; null if nothing was read. */
    inferred_schema: jsonObjectSchema.nullable(),
    schema_mismatches: z.array(
      z.object({
        field: z.string(),
        /**
         * undeclared: the records have the field, the schema does not: it is not loaded. type: values that
         * the column cannot hold: they become NULL, with a note in `_airbyte_meta`. missing: declared, and in
         * none of the records.
         */
        kind: z.enum(['undeclared', 'type', 'missing']),
        /** Type of the column; null if it is not declared. */
        declared: z.string().nullable(),
        /** JSON types that were found, such as `string` or `integer`. */
        found: z.array(z.string()),
        records: z.number(),
      }),
    ),
    sample_rows: z.array(shownRow).meta({
      description:
        'Only in the response to the request that ran the sandbox, and at `…/sandboxes/{id}/rows`.',
    }),
    row_examples: sandboxRowExamples.meta({
      description:
        'Some of the rows that a run would insert, change and delete; in the same responses as `sample_rows`.',
    }),
    /** Absent if the destination could not be queried, and for topics. */
    diff_vs_current: streamDiff.exactOptional(),
    estimated_cost: cost,
    warnings: z.array(z.string()),
    /** Why the stream could not be read or loaded: a run would fail in the same way. */
    error: errorBodySchema.exactOptional(),
  })
  .meta({ id: 'SandboxStream' })

/**
 * The report of a sandbox: plain data, as it goes out over HTTP. `runSandbox` (run-sandbox.ts) makes it;
 * docs/sandbox.md explains each figure.
 */
export const sandboxReportSchema = z.object({
  /** `sbx_<ulid>`. */
  id: z.string(),
  schema: z.string().nullable().meta({
    description: 'Where the rows are until the sandbox expires; null for topics: nowhere.',
  }),
  /** Maximum number of records that were read of a stream. */
  limit_rows: z.int(),
  /**
   * complete: every stream was read to its end; partial: a limit cut some, or some failed; failed: every
   * stream failed.
   */
  status: z.enum(['complete', 'partial', 'failed']),
  seconds: z.number(),
  streams: z.array(sandboxStreamSchema),
  totals: z.object({
    streams: z.int(),
    failed: z.int(),
    cut: z.int().meta({ description: 'Streams that a limit cut.' }),
    read: z.number(),
    rows: rowCounts.meta({
      description: 'Sums. Null: not known, because a stream failed, or a limit cut it.',
    }),
    rows_at_least: z
      .object({
        insert: z.number(),
        update: z.number(),
        unchanged: z.number(),
        delete: z.number(),
      })
      .meta({ description: 'Sums of the known figures: a run changes at least this many.' }),
    estimated_cost: cost,
  }),
})

export type SandboxReport = ReadOnly<z.output<typeof sandboxReportSchema>>
export type SandboxTotals = SandboxReport['totals']
export type SandboxStream = ReadOnly<z.output<typeof sandboxStreamSchema>>
export type SchemaMismatch = SandboxStream['schema_mismatches'][number]
export type StreamSettings = NonNullable<SandboxStream['last_settings']>
/** The changes that a run would make to the production table. */
export type StreamDiff = NonNullable<SandboxStream['diff_vs_current']>
/**
 * Rows of the production table. Null if it is not known, because a limit cut the stream or the comparison
 * took too long.
 */
export type RowCounts = StreamDiff['rows']
/**
 * The cost of a whole run. If the stream was cut, rows, bytes and requests are scaled by the source's own
 * estimate, if it has one. The time is not scaled, because most of a sandbox's time is its start.
 */
export type EstimatedCost = SandboxStream['estimated_cost']
/** The parts of a stream's report that are the customer's data. */
export type SandboxRows = Pick<SandboxStream, 'sample_rows' | 'row_examples'>

export interface SandboxPorts extends Pick<
  RunPorts,
  'logger' | 'threads' | 'now' | 'onConfigChanged' | 'onSecretFound' | 'changeConfig'
> {
  /** Ends the sandbox. */
  readonly signal: AbortSignal
}

export interface SandboxOptions {
  /** `sbx_<ulid>`: names the schema, and what the sandbox is found by. */
  readonly id: string
  /** Records read of each stream at most. */
  readonly limitRows: number
  /** Sample rows of each stream; default 20. */
  readonly sampleRows?: number
  /**
   * Reading ends after this time; the report is about the records that were read until then. Default 60,000.
   */
  readonly readMs?: number
  /** Epoch ms, stored with the schema: a sweep may drop it after that. */
  readonly expiresAtMs: number
}

import { z } from 'zod'
import type { JsonObject } from './json.ts'

const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
)

const columnNumber = z.tuple([z.string(), z.number()])

/**
 * Ours, not Airbyte's: by what a database knows the columns of a table, whatever their names are. `table`:
 * its number in the database. A list, not an object: a column may have the name `__proto__`.
 */
export const sourceColumns = z.object({
  table: z.number(),
  numbers: z.array(columnNumber).readonly(),
})

/** Airbyte's `AirbyteStream`: a stream that a source can read. Unknown properties are preserved. */
export const airbyteStream = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  json_schema: jsonObject,
  supported_sync_modes: z.array(z.enum(['full_refresh', 'incremental'])).min(1),
  source_defined_cursor: z.boolean().optional(),
  default_cursor_field: z.array(z.string()).optional(),
  source_defined_primary_key: z.array(z.array(z.string())).optional(),
  is_resumable: z.boolean().optional(),
  /**
   * Ours, not Airbyte's: an incremental read returns rows in the order of the cursor, so the later one of two
   * versions of a row is the newer one.
   */
  is_cursor_ordered: z.boolean().optional(),
  is_file_based: z.boolean().optional(),
  source_columns: sourceColumns.optional(),
})
/** A stream that a source can read. */
export type AirbyteStream = z.infer<typeof airbyteStream>

/**
 * Airbyte's `ConfiguredAirbyteStream`. `overwrite_dedup` is not in the protocol: the engine's own mode is in
 * SinkStream.
 */
export const configuredAirbyteStream = z.looseObject({
  stream: airbyteStream,
  sync_mode: z.enum(['full_refresh', 'incremental']),
  destination_sync_mode: z.enum(['append', 'overwrite', 'append_dedup', 'update', 'soft_delete']),
  cursor_field: z.array(z.string()).optional(),
  primary_key: z.array(z.array(z.string())).optional(),
  destination_object_name: z.string().optional(),
  generation_id: z.number().int().optional(),
  minimum_generation_id: z.number().int().optional(),
  sync_id: z.number().int().optional(),
  include_files: z.boolean().optional(),
})
/** How a run reads and loads one stream. */
export type ConfiguredAirbyteStream = z.infer<typeof configuredAirbyteStream>

/** The result of `discover`. */
export const airbyteCatalog = z.looseObject({ streams: z.array(airbyteStream) })
/** All streams that a source can read. */
export type AirbyteCatalog = z.infer<typeof airbyteCatalog>

/** The streams that a run reads, and how. */
export const configuredAirbyteCatalog = z.looseObject({ streams: z.array(configuredAirbyteStream) })
/** The configured streams of a run. */
export type ConfiguredAirbyteCatalog = z.infer<typeof configuredAirbyteCatalog>

/** The result of `check`. */
export const airbyteConnectionStatus = z.looseObject({
  status: z.enum(['SUCCEEDED', 'FAILED']),
  message: z.string().optional(),
})
/** Whether the configuration works. */
export type AirbyteConnectionStatus = z.infer<typeof airbyteConnectionStatus>

/** A problem of a configured stream: the property that must be changed, and why. */
export interface StreamProblem {
  readonly field:
    'sync_mode' | 'cursor_field' | 'primary_key' | 'generation_id' | 'minimum_generation_id'
  readonly problem: string
}

/** The protocol's rules for a configured stream; empty if it breaks none. */
export function validateConfiguredStream(configured: ConfiguredAirbyteStream): StreamProblem[] {
  const problems: StreamProblem[] = []
  const { stream, sync_mode: mode, destination_sync_mode: destinationMode } = configured
  if (!stream.supported_sync_modes.includes(mode)) {
    problems.push({
      field: 'sync_mode',
      problem: `the source cannot read this stream in mode ${mode}`,
    })
  }
  if (mode === 'incremental' && !stream.source_defined_cursor && !cursorField(configured)) {
    problems.push({
      field: 'cursor_field',
      problem: 'an incremental stream needs a cursor field, and the source defines none',
    })
  }
  const needsKey = destinationMode !== 'append' && destinationMode !== 'overwrite'
  if (needsKey && !primaryKey(configured)) {
    problems.push({
      field: 'primary_key',
      problem: `destination mode ${destinationMode} needs a primary key, and the source defines none`,
    })
  }
  return [...problems, ...generationProblems(configured)]
}

/**
 * The cursor: source-defined, else configured, else the source's default; undefined if there is none to name.
 */
export function cursorField(configured: ConfiguredAirbyteStream): readonly string[] | undefined {
  const { stream } = configured
  const own = stream.default_cursor_field
  const candidates = stream.source_defined_cursor ? [own] : [configured.cursor_field, own]
  return candidates.find((path) => path !== undefined && path.length > 0)
}

/** The primary key, as paths: configured, else source-defined; undefined if there is none. */
export function primaryKey(
  configured: ConfiguredAirbyteStream,
): readonly (readonly string[])[] | undefined {
  return [configured.primary_key, configured.stream.source_defined_primary_key].find(
    (key) => key !== undefined && key.length > 0 && key.every((path) => path.length > 0),
  )
}

/** The generation that is written, and the oldest one that is kept: all of them, or only the new one. */
function generationProblems(configured: ConfiguredAirbyteStream): StreamProblem[] {
  const { generation_id: generation, minimum_generation_id: minimum } = configured
  if (generation === undefined && minimum === undefined) return []
  if (generation === undefined || generation < 0) {
    return [
      {
        field: 'generation_id',
        problem: 'must be a number from 0 on if minimum_generation_id is given',
      },
    ]
  }
  if (minimum === undefined || minimum === 0 || minimum === generation) return []
  return [
    {
      field: 'minimum_generation_id',
      problem: 'must be 0 (keep all) or equal to generation_id (replace all)',
    },
  ]
}

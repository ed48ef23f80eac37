import { z } from 'zod'
import { streamIdOf } from '../../../protocol/index.ts'
import { idPrefixText } from '../../wire/row-id.ts'
import type { RowMessagesOptions } from './row-options.ts'
import type { WireRecord } from './wire-record.ts'

/**
 * The fields of our own in a value, in their order. The first is in Avro only, the others with full metadata.
 */
export const ownFields = {
  overflow: '_airbyte_overflow',
  extractedAt: '_airbyte_extracted_at',
  generationId: '_airbyte_generation_id',
  rawId: '_airbyte_raw_id',
  meta: '_airbyte_meta',
} as const

const whole = z.int().min(0)

/** `source` of Debezium's envelope, in its order. */
export const envelopeSource = z.object({
  version: z.string().meta({ description: 'Of Reactor Connect' }),
  connector: z.literal('reactor-connect'),
  name: z.string().meta({ description: 'The connection; also as `db`, which readers expect' }),
  ts_ms: z.int().meta({ description: 'When the row was read, as nobody knows when it changed' }),
  snapshot: z.enum(['true', 'incremental']).meta({
    description:
      "A whole read (`true`), or the rows that an incremental read found: Debezium's words for rows that a query reads",
  }),
  db: z.string(),
  schema: z.string().nullable().meta({ description: 'The namespace of the stream' }),
  table: z.string().meta({ description: 'The stream' }),
  sync_id: whole,
  generation_id: whole,
  slice: z.string(),
  seq: whole.meta({ description: 'Number of the record in its slice and sync, from 0' }),
})

/** Up to what differs from record to record. */
type SourceFacts = Readonly<Omit<z.infer<typeof envelopeSource>, 'seq'>>

type FactOptions = Pick<RowMessagesOptions, 'sink' | 'syncId' | 'generationId' | 'version'>

export function sourceFacts(
  { sink, syncId, generationId, version }: FactOptions,
  { extractedAtMs, slice }: WireRecord,
): SourceFacts {
  const { stream, sync_mode: syncMode } = sink.stream
  return {
    version,
    connector: 'reactor-connect',
    name: sink.connection,
    ts_ms: extractedAtMs,
    snapshot: syncMode === 'full_refresh' ? 'true' : 'incremental',
    db: sink.connection,
    schema: streamIdOf(stream).namespace ?? null,
    table: stream.name,
    sync_id: syncId,
    generation_id: generationId,
    slice,
  }
}

/** The first half of the raw ids: the same as those of the same records in a table. */
export function rawIdPrefix({ sink, syncId }: FactOptions, slice: string): string {
  const { namespace, name } = streamIdOf(sink.stream.stream)
  return idPrefixText({ idFacts: [sink.connection, namespace ?? null, name], syncId }, slice)
}

/**
 * Debezium's letters: a row that a query found (no source reports whether it is new to the reader), and a row
 * that the source marks as deleted.
 */
export const operationLetters = { write: 'r', delete: 'd' } as const

/** A value that is the same for the records of a slice that were read together. */
export class Shared<T> {
  readonly #make: (record: WireRecord) => T
  #value: T | undefined
  #extractedAtMs = NaN
  #slice = ''

  constructor(make: (record: WireRecord) => T) {
    this.#make = make
  }

  get(record: WireRecord): T {
    const { extractedAtMs, slice } = record
    if (
      this.#value !== undefined &&
      extractedAtMs === this.#extractedAtMs &&
      slice === this.#slice
    ) {
      return this.#value
    }
    this.#extractedAtMs = extractedAtMs
    this.#slice = slice
    this.#value = this.#make(record)
    return this.#value
  }
}

import { createHash } from 'node:crypto'
import {
  columnsOf,
  streamKey,
  type AirbyteCatalog,
  type AirbyteStream,
} from '../../protocol/index.ts'
import type { SourceCursor } from './schema.ts'

/** The parts of a stream that count for drift: not the order of its properties or their descriptions. */
export interface StreamShape {
  readonly columns: ReturnType<typeof columnsOf>
  readonly primaryKey: readonly (readonly string[])[]
  readonly cursor: SourceCursor
  /** Sorted alphabetically. */
  readonly syncModes: AirbyteStream['supported_sync_modes']
}

export function shapeOf(stream: AirbyteStream): StreamShape {
  return {
    columns: columnsOf(stream.json_schema),
    primaryKey: stream.source_defined_primary_key ?? [],
    cursor: {
      field: stream.default_cursor_field ?? [],
      sourceDefined: stream.source_defined_cursor === true,
    },
    syncModes: [...new Set(stream.supported_sync_modes)].toSorted(),
  }
}

/**
 * Equal for two catalogs if and only if `schemaChanges` finds no difference between them: 32 hexadecimal
 * digits.
 */
export function catalogFingerprint({ streams }: AirbyteCatalog): string {
  const facts = streams.map((stream) => {
    const { columns, primaryKey, cursor, syncModes } = shapeOf(stream)
    const kinds = columns.map(({ name, kind }) => [name, kind] as const)
    return [streamKey(stream), kinds.toSorted(byFirst), primaryKey, cursor, syncModes] as const
  })
  return createHash('sha256')
    .update(JSON.stringify(facts.toSorted(byFirst)))
    .digest('hex')
    .slice(0, 32)
}

function byFirst(a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]): number {
  if (a[0] === b[0]) return 0
  return a[0] < b[0] ? -1 : 1
}

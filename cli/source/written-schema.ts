import type { CatalogStream } from '../../manifest-interpreter/source/catalog-stream.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { plainText } from '../output/plain-text.ts'
import { schemaToDeclare } from './schema-to-declare.ts'
import { shownSchema, writeSchema } from './write-schema.ts'

/** The result of `try --write-schema`. snake_case: as `--json` shows it. */
export interface WrittenSchema {
  /** Null if nothing was written: then `reason` says why. */
  readonly file: string | null
  /** Where the schema begins. */
  readonly line: number | null
  readonly reason: string | null
  /** The schema that was written, or could be; null if no record was read. */
  readonly schema: JsonObject | null
  /** Fields without any value in the records that were read. They are left out. */
  readonly untyped: readonly string[]
}

export interface FoundSchema {
  readonly declared: JsonObject
  /** Null if no record was read. */
  readonly inferred: JsonObject | null
  readonly stream: CatalogStream
}

/** Writes what was found into the file of the manifest, if that is safe. */
export function writtenSchema(
  { declared, inferred, stream }: FoundSchema,
  { file, force }: { readonly file: string | undefined; readonly force: boolean },
): WrittenSchema {
  const nothing = { file: null, line: null }
  if (inferred === null)
    return { ...nothing, reason: 'no record was read', schema: null, untyped: [] }
  const key = (stream.source_defined_primary_key ?? []).flatMap(([name]) => name ?? [])
  const toDeclare = schemaToDeclare(declared, inferred, key)
  if (file === undefined) {
    const reason =
      'a manifest of the catalog is not edited. Copy the schema, or name a file with --manifest'
    return { ...nothing, reason, ...toDeclare }
  }
  const edited = writeSchema(file, { stream: stream.name, schema: toDeclare.schema, force })
  return 'reason' in edited
    ? { ...nothing, reason: edited.reason, ...toDeclare }
    : { file, line: edited.line, reason: null, ...toDeclare }
}

export function writtenLines({
  file,
  line,
  reason,
  schema,
  untyped,
}: WrittenSchema): readonly string[] {
  const names = untyped.map(plainText).join(', ')
  return [
    reason === null
      ? `\nschema written: ${plainText(file ?? '')}, line ${String(line)}\n`
      : `\nschema not written: ${plainText(reason)}.\n`,
    ...(names === '' ? [] : [`left out, because no record has a value of it: ${names}\n`]),
    ...(reason === null || schema === null ? [] : [shownSchema(schema)]),
  ]
}

import { z } from 'zod'
import {
  streamLabel,
  type Column,
  type ColumnKind,
  type JsonObject,
} from '../../../protocol/index.ts'
import type { RowColumns } from './row-columns.ts'
import { envelopeSource, ownFields } from './row-facts.ts'
import type { RowForm } from './row-options.ts'

const draft = 'http://json-schema.org/draft-07/schema#'

const metadataFields: Readonly<Record<string, JsonObject>> = {
  [ownFields.extractedAt]: { type: 'string', format: 'date-time' },
  [ownFields.generationId]: { type: 'integer' },
  [ownFields.rawId]: { type: 'string', format: 'uuid' },
  [ownFields.meta]: { type: 'object' },
}

/** A number that JSON has no digits for (NaN, the infinities) is a text. */
const jsonTypes: Readonly<Record<ColumnKind, JsonObject>> = {
  boolean: { type: ['boolean', 'null'] },
  integer: { type: ['integer', 'null'] },
  number: { type: ['number', 'string', 'null'] },
  double: { type: ['number', 'string', 'null'] },
  string: { type: ['string', 'null'] },
  date: { type: ['string', 'null'], format: 'date' },
  timestamptz: { type: ['string', 'null'], format: 'date-time' },
  timestamp: { type: ['string', 'null'], description: 'ISO 8601, without a zone' },
  timetz: { type: ['string', 'null'] },
  time: { type: ['string', 'null'], description: 'HH:MM:SS, perhaps with a fraction' },
  bytes: { type: ['string', 'null'], contentEncoding: 'base64' },
  json: {},
}

/** The columns as properties: under their own names, unless that is one of the fields of our own. */
export function jsonNames(columns: readonly Column[]): readonly string[] {
  const taken = new Set([...Object.keys(metadataFields), ...columns.map(({ name }) => name)])
  return columns.map(({ name }) => {
    if (!Object.hasOwn(metadataFields, name)) return name
    let candidate = `${name}_2`
    for (let n = 3; taken.has(candidate); n++) candidate = `${name}_${String(n)}`
    taken.add(candidate)
    return candidate
  })
}

export function jsonKeySchema(
  { sink, columns }: RowForm,
  key: NonNullable<RowColumns['key']>,
): JsonObject {
  const fields = key.flatMap((index) => columns[index] ?? [])
  return {
    $schema: draft,
    title: `Key of ${streamLabel(sink.stream.stream)}`,
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, kind }) => [name, jsonTypes[kind]])),
  }
}

export function jsonValueSchema({ sink, columns, format }: RowForm): JsonObject {
  const label = streamLabel(sink.stream.stream)
  const names = jsonNames(columns)
  const row = {
    title: `Row of ${label}`,
    description:
      'The types are those that the stream declares. A value that does not have its type is there as it is, and a field that the record does not have is missing.',
    type: 'object',
    properties: Object.fromEntries([
      ...columns.map(({ kind }, index) => [names[index] ?? '', jsonTypes[kind]] as const),
      ...(sink.metadata === 'full' ? Object.entries(metadataFields) : []),
    ]),
  }
  return format.envelope === 'row'
    ? { $schema: draft, ...row }
    : { $schema: draft, ...envelope(row) }
}

function envelope(row: JsonObject): JsonObject {
  const rowOrNull = { oneOf: [{ type: 'null' }, { $ref: '#/definitions/Value' }] }
  return {
    title: 'Envelope',
    type: 'object',
    definitions: { Value: row },
    properties: {
      before: rowOrNull,
      after: rowOrNull,
      source: sourceSchema(),
      transaction: { type: 'null' },
      op: { type: 'string', enum: ['r', 'd'] },
      ts_ms: { type: 'integer' },
    },
  }
}

/** Open to fields that come later. */
function sourceSchema(): JsonObject {
  const schema = z.toJSONSchema(envelopeSource, { target: 'draft-7', io: 'input' })
  const fields = Object.entries(schema).filter(([name]) => name !== '$schema')
  return z.record(z.string(), z.json()).parse(Object.fromEntries(fields))
}

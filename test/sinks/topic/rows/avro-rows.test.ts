import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  exactNumber,
  fingerprintOf,
  parseExact,
  type Column,
  type ColumnKind,
  type RecordValue,
} from '../../../../protocol/index.ts'
import { formatDate, formatTime, formatTimestamp } from '../../../../protocol/avro/iso-moment.ts'
import { messageSchemas } from '../../../../sinks/topic/rows/message-schemas.ts'
import type { AvroRecordSchema } from '../../../../protocol/index.ts'
import { anyStream, blockOf, extractedAtMs, rowsOf } from './any-stream.ts'
import { avroReader, messagesOf, optionsOf } from './messages.ts'

const format = { encoding: 'avro', envelope: 'row' } as const

describe('a row as Avro', () => {
  it('has the values of the record, whatever they and their columns are', async () => {
    await fc.assert(
      fc.asyncProperty(anyStream, fc.constantFrom('full', 'minimal'), async (stream, metadata) => {
        const { columns } = stream
        const block = blockOf(stream)
        const options = optionsOf(columns, { format, sink: { metadata } })
        const { messages } = await messagesOf(options, block)
        const { schema, fingerprint } = messageSchemas(options).value
        const read = avroReader(schema)
        const rows = messages.map(({ value }) => {
          expect(value?.subarray(0, 10)).toEqual(
            Buffer.from([0xc3, 0x01, ...(fingerprint?.bytes ?? [])]),
          )
          return dataOf(
            read(value?.subarray(10) ?? Buffer.of()),
            schema as AvroRecordSchema,
            columns,
          )
        })
        expect(rows).toEqual(rowsOf(block, columns).map(({ data }) => data))
      }),
      { numRuns: 150 },
    )
  })

  it('with full metadata has the facts that a table has', async () => {
    const stream = { columns: [{ name: 'c', kind: 'integer' as const }], records: [{ c: 1 }] }
    const options = optionsOf(stream.columns, { format, sink: { metadata: 'full' } })
    const { messages } = await messagesOf(options, blockOf(stream, { seq: 255 }))
    const read = avroReader(messageSchemas(options).value.schema)
    const row = read(messages[0]?.value?.subarray(10) ?? Buffer.of())
    expect(row).toEqual({
      c: 1,
      _airbyte_overflow: null,
      _airbyte_extracted_at: extractedAtMs,
      _airbyte_generation_id: 2,
      _airbyte_raw_id: expect.stringMatching(/^[0-9a-f-]{18}-8000-0000000000ff$/) as unknown,
      _airbyte_meta: '{"sync_id":3,"changes":[]}',
    })
  })

  it("has Confluent's framing if a registry has the schemas", async () => {
    const stream = {
      columns: [
        { name: 'id', kind: 'integer' as const },
        { name: 'c', kind: 'string' as const },
      ],
      records: [{ id: 42, c: 'x' }],
    }
    const options = optionsOf(stream.columns, {
      format,
      lookup: 'registry',
      schemaIds: { key: 7, value: 70_000 },
      sink: { primaryKey: [['id']] },
    })
    const { messages } = await messagesOf(options, blockOf(stream))
    expect(messages[0]?.key).toEqual(Buffer.from([0, 0, 0, 0, 7, 84]))
    expect(messages[0]?.value).toEqual(Buffer.from([0, 0, 0x01, 0x11, 0x70, 2, 84, 2, 2, 0x78, 0]))
  })

  it('has a key whose bytes stay when other columns come', async () => {
    const id: Column = { name: 'the id', kind: 'integer' }
    const keyOf = async (columns: readonly Column[]): Promise<Buffer | null | undefined> => {
      const options = optionsOf(columns, { format, sink: { primaryKey: [['the id']] } })
      const stream = { columns, records: [{ 'the id': 5 }] }
      return (await messagesOf(options, blockOf(stream))).messages[0]?.key
    }
    const key = await keyOf([id])
    expect(key).toHaveLength(11)
    expect(await keyOf([{ name: 'the_id', kind: 'string' }, id])).toEqual(key)
  })
})

describe('the schema of a value', () => {
  const columns: Column[] = [
    { name: 'at', kind: 'timestamptz' },
    { name: 'a b', kind: 'json' },
  ]

  it('is named like its topic, and has a nullable field per column', () => {
    const { value, key } = messageSchemas(
      optionsOf(columns, { format, lookup: 'registry', topic: 'my-shop.1' }),
    )
    expect(key).toBeUndefined()
    expect(value.type).toBe('AVRO')
    expect(JSON.parse(value.text)).toEqual({
      type: 'record',
      name: 'Value',
      namespace: 'my_shop._1',
      fields: [
        {
          name: 'at',
          type: [
            'null',
            {
              type: 'long',
              logicalType: 'timestamp-micros',
              'connect.version': 1,
              'connect.name': 'io.debezium.time.MicroTimestamp',
            },
          ],
          default: null,
          original_name: 'at',
          kind: 'timestamptz',
        },
        {
          name: 'a_b',
          type: [
            'null',
            {
              type: 'string',
              logicalType: 'json',
              'connect.version': 1,
              'connect.name': 'io.debezium.data.Json',
            },
          ],
          default: null,
          original_name: 'a b',
          kind: 'json',
        },
        {
          name: '_airbyte_overflow',
          type: [
            'null',
            { type: 'map', values: ['null', { type: 'string', logicalType: 'json' }] },
          ],
          default: null,
        },
      ],
    })
    expect(value.fingerprint).toEqual(fingerprintOf(value.schema as AvroRecordSchema))
  })

  it('has another fingerprint for another kind of the same Avro type', () => {
    const fingerprintWith = (kind: ColumnKind): string | undefined =>
      messageSchemas(optionsOf([{ name: 'c', kind }], { format })).value.fingerprint?.hex
    expect(fingerprintWith('integer')).not.toBe(fingerprintWith('timestamptz'))
  })
})

/**
 * The row as the record had it: values of the overflow are at their columns, and missing values are missing.
 */
function dataOf(
  row: Readonly<Record<string, unknown>>,
  schema: AvroRecordSchema,
  columns: readonly Column[],
): Record<string, RecordValue> {
  const pairs = (row._airbyte_overflow ?? []) as { key: string; value: string | null }[]
  const overflow = new Map(pairs.map(({ key, value }) => [key, value]))
  const entries: [string, RecordValue][] = []
  columns.forEach(({ name, kind }, index) => {
    const entry = overflow.get(name)
    const field = schema.fields[index]
    expect(field).toMatchObject({ original_name: name, kind })
    const held = row[field?.name ?? '']
    if (entry === null) return
    if (entry !== undefined) entries.push([name, parseExact(entry)])
    else entries.push([name, held === null ? null : valueOf(kind, held)])
  })
  expect(
    [...overflow.keys()].filter((name) => !columns.some((each) => each.name === name)),
  ).toEqual([])
  return Object.fromEntries(entries)
}

/** Its values look in Avro as they do in a record. */
type PlainKind = Extract<ColumnKind, 'boolean' | 'double' | 'integer' | 'string' | 'timetz'>

function isPlain(kind: ColumnKind): kind is PlainKind {
  return ['boolean', 'double', 'integer', 'string', 'timetz'].includes(kind)
}

function valueOf(kind: ColumnKind, held: unknown): RecordValue {
  if (isPlain(kind)) return held as RecordValue
  switch (kind) {
    case 'number':
      return /^-?[0-9]/.test(String(held)) ? exactNumber(String(held)) : Number(held)
    case 'date':
      return formatDate(Number(held))
    case 'time':
      return formatTime(Number(held))
    case 'timestamp':
      return formatTimestamp(BigInt(held as number | bigint))
    case 'timestamptz':
      return `${formatTimestamp(BigInt(held as number | bigint))}Z`
    case 'json':
      return parseExact(String(held))
    case 'bytes':
      return Uint8Array.from(held as Buffer)
  }
}

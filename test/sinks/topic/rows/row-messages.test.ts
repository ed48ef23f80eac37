import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBatch, anonymous } from '../../../../kafka/record-batch/record-batch.ts'
import type { Column, RecordData } from '../../../../protocol/index.ts'
import { messageSchemas } from '../../../../sinks/topic/rows/message-schemas.ts'
import { partitionOf } from '../../../../sinks/topic/rows/murmur2.ts'
import { RowMessages } from '../../../../sinks/topic/rows/row-messages.ts'
import { blockOf, extractedAtMs } from './any-stream.ts'
import { avroReader, jsonIn, messagesOf, optionsOf, takeMessages } from './messages.ts'

const columns: Column[] = [
  { name: 'note', kind: 'string' },
  { name: 'id', kind: 'integer' },
  { name: '_ab_cdc_deleted_at', kind: 'timestamptz' },
]
const byId = { primaryKey: [['id']] }
const deletedAt = '2026-01-01T00:00:00Z'
const avro = { encoding: 'avro', envelope: 'row' } as const
const debezium = { encoding: 'json', envelope: 'debezium' } as const

function block(...records: readonly RecordData[]) {
  return blockOf({ columns, records })
}

describe('the key of a message', () => {
  it('is the primary key as a JSON object, in the order of the key', async () => {
    const options = optionsOf(columns, { sink: { primaryKey: [['id'], ['note']] } })
    const { messages } = await messagesOf(
      options,
      block(
        { note: 'a"', id: 2n ** 60n },
        { note: null, id: 1 },
        { id: 1 },
        { id: 'x', note: 'y' },
      ),
    )
    expect(messages.map(({ key }) => String(key))).toEqual([
      String.raw`{"id":1152921504606846976,"note":"a\""}`,
      '{"id":1,"note":null}',
      '{"id":1,"note":null}',
      '{"id":"x","note":"y"}',
    ])
  })

  it('is an Avro record, whose field is null only if the key has several', async () => {
    const first = optionsOf(columns, { format: avro, sink: byId })
    const two = optionsOf(columns, { format: avro, sink: { primaryKey: [['note'], ['id']] } })
    const keysOf = async (options: typeof first): Promise<unknown[]> => {
      const { schema, fingerprint } = messageSchemas(options).key ?? { schema: 'null' }
      const { messages } = await messagesOf(options, block({ id: 42, note: 'n' }, { id: 7 }))
      return messages.map(({ key }) => {
        expect(key?.subarray(2, 10)).toEqual(Buffer.from(fingerprint?.bytes ?? []))
        return avroReader(schema)(key?.subarray(10) ?? Buffer.of())
      })
    }
    expect(await keysOf(first)).toEqual([{ id: 42 }, { id: 7 }])
    expect(await keysOf(two)).toEqual([
      { note: 'n', id: 42 },
      { note: null, id: 7 },
    ])
  })

  it("chooses the partition as Kafka's Java client does, and keeps the order of each key", async () => {
    const records = Array.from({ length: 300 }, (_, index) => ({
      id: index % 50,
      note: `${index}`,
    }))
    const options = optionsOf(columns, { sink: byId, partitions: 7 })
    const { messages } = await messagesOf(options, block(...records))
    expect(messages).toHaveLength(300)
    const notesByKey = new Map<string, string[]>()
    for (const { key, value, partition } of messages) {
      const bytes = key ?? Buffer.of()
      expect(partition).toBe(partitionOf(bytes, bytes.length, 7))
      const notes = notesByKey.get(String(key)) ?? []
      const { note } = jsonIn(value)
      if (typeof note !== 'string') throw new TypeError('a row of this stream has a note')
      notes.push(note)
      notesByKey.set(String(key), notes)
    }
    expect(new Set(messages.map(({ partition }) => partition)).size).toBe(7)
    for (let id = 0; id < 50; id++) {
      expect(notesByKey.get(`{"id":${String(id)}}`)).toEqual(
        [0, 50, 100, 150, 200, 250].map((more) => String(id + more)),
      )
    }
  })

  it('is null without a primary key: each batch goes to the next partition', async () => {
    const rows = new RowMessages(optionsOf(columns, { partitions: 3, syncId: 4 }))
    const partitions: number[] = []
    for (let round = 0; round < 4; round++) {
      rows.write(block({ id: round }, { id: round }))
      const messages = await takeMessages(rows)
      expect(messages.map(({ key }) => key)).toEqual([null, null])
      partitions.push(...messages.map(({ partition }) => partition))
    }
    expect(partitions).toEqual([1, 1, 2, 2, 0, 0, 1, 1])
  })

  it('may be absent where rows are only appended', async () => {
    const options = optionsOf(columns, { sink: { ...byId, mode: 'append' } })
    const { messages, written } = await messagesOf(options, block({ id: null }, { id: 1 }))
    expect(messages.map(({ key }) => key && String(key))).toEqual([null, '{"id":1}'])
    expect(written).toEqual([{ rows: 2, deleted: 0, rejected: [] }])
  })

  it('is asked for at once unless rows are only appended', () => {
    const { sink, ...options } = optionsOf(columns)
    const dedup = { ...options, sink: { ...sink, mode: 'append_dedup' as const } }
    expect(() => messageSchemas(dedup)).toThrow(
      expect.objectContaining({ code: 'destination_key_missing' }),
    )
    expect(
      () => new RowMessages(optionsOf(columns, { sink: { primaryKey: [['a', 'b']] } })),
    ).toThrow(
      expect.objectContaining({
        code: 'destination_field_missing',
        details: { stream: 'shop.orders', field: 'a.b', role: 'primary key' },
      }),
    )
  })
})

describe('a record is rejected', () => {
  it('if it has no key', async () => {
    const options = optionsOf(columns, { sink: byId })
    const { messages, written } = await messagesOf(options, {
      ...block({ id: 1 }, { id: null }, { note: 'x' }),
      seq: 10,
    })
    const reason = 'it has no primary key: id is NULL or missing'
    expect(written).toEqual([
      {
        rows: 1,
        deleted: 0,
        rejected: [
          { slice: 'part one', seq: 11, reason, key: '[null]' },
          { slice: 'part one', seq: 12, reason, key: '[null]' },
        ],
      },
    ])
    expect(messages).toHaveLength(1)
  })

  it('if the schema of the key cannot hold the value', async () => {
    const options = optionsOf(columns, { format: avro, sink: byId })
    const { written } = await messagesOf(options, block({ id: 'seven' }, { id: 7 }))
    expect(written).toEqual([
      {
        rows: 1,
        deleted: 0,
        rejected: [
          {
            slice: 'part one',
            seq: 0,
            reason: 'its primary key does not fit: column id (integer) cannot hold the value',
            key: '["seven"]',
          },
        ],
      },
    ])
  })

  it.each([avro, debezium])(
    'if its message is larger than the topic accepts: %o',
    async (format) => {
      const options = optionsOf(columns, { format, sink: byId, maxMessageBytes: 2_000 })
      const long = 'x'.repeat(2_000)
      const { messages, written } = await messagesOf(
        options,
        block({ id: 1, note: long }, { id: 2, note: 'short' }),
      )
      expect(messages).toHaveLength(1)
      expect(written[0]).toMatchObject({ rows: 1, rejected: [{ seq: 0, key: '[1]' }] })
      expect(written[0]?.rejected[0]?.reason).toMatch(
        /^message of 2\d\d\d bytes is larger than the 1867 bytes that topic shop\.orders accepts: raise its `max\.message\.bytes`, which is 2000$/,
      )
    },
  )
})

describe('a row that the source marks as deleted', () => {
  const change = block({ id: 1, note: 'a' }, { id: 1, note: null, _ab_cdc_deleted_at: deletedAt })

  it('is a tombstone', async () => {
    const { messages, written } = await messagesOf(optionsOf(columns, { sink: byId }), change)
    expect(messages.map(({ key, value }) => [String(key), value && String(value)])).toEqual([
      ['{"id":1}', '{"note":"a","id":1}'],
      ['{"id":1}', null],
    ])
    expect(written).toEqual([{ rows: 1, deleted: 1, rejected: [] }])
  })

  it.each([
    ['with soft deletes', { ...byId, deletes: 'soft' as const }],
    ['where rows are only appended', { ...byId, mode: 'append' as const }],
  ])('is a row with the column %s', async (_, sink) => {
    const { messages, written } = await messagesOf(optionsOf(columns, { sink }), change)
    expect(jsonIn(messages[1]?.value)).toEqual({ id: 1, note: null, _ab_cdc_deleted_at: deletedAt })
    expect(written).toEqual([{ rows: 2, deleted: 0, rejected: [] }])
  })

  it("is a delete and a tombstone in Debezium's envelope", async () => {
    const options = optionsOf(columns, { sink: byId, format: debezium })
    const { messages, written } = await messagesOf(options, change)
    expect(messages.map(({ key }) => String(key))).toEqual(['{"id":1}', '{"id":1}', '{"id":1}'])
    const row = { id: 1, note: null, _ab_cdc_deleted_at: deletedAt }
    expect(jsonIn(messages[1]?.value)).toMatchObject({ op: 'd', before: row, after: null })
    expect(messages[2]?.value).toBeNull()
    expect(written).toEqual([{ rows: 1, deleted: 1, rejected: [] }])
  })
})

describe("Debezium's envelope", () => {
  const source = {
    version: '1.2.3',
    connector: 'reactor-connect',
    name: 'crm',
    ts_ms: extractedAtMs,
    snapshot: 'incremental',
    db: 'crm',
    schema: 'shop',
    table: 'orders',
    sync_id: 3,
    generation_id: 2,
    slice: 'part one',
    seq: 1,
  }
  const envelope = { source, transaction: null, op: 'r', ts_ms: extractedAtMs }

  it('has the row in `after`, as JSON', async () => {
    const options = optionsOf(columns, { sink: byId, format: debezium })
    const { messages } = await messagesOf(options, block({ id: 1 }, { id: 2, note: 'x' }))
    const value = String(messages[1]?.value)
    expect(JSON.parse(value)).toEqual({ ...envelope, before: null, after: { id: 2, note: 'x' } })
    expect(Object.keys(jsonIn(messages[1]?.value))).toEqual([
      'before',
      'after',
      'source',
      'transaction',
      'op',
      'ts_ms',
    ])
  })

  it('is an Avro record of the same shape', async () => {
    const format = { encoding: 'avro', envelope: 'debezium' } as const
    const options = optionsOf(columns, { sink: byId, format })
    const { schema } = messageSchemas(options).value
    const { messages } = await messagesOf(
      options,
      block(
        { id: 1, note: 'n', _ab_cdc_deleted_at: null },
        { id: 2, note: 'x', _ab_cdc_deleted_at: deletedAt },
      ),
    )
    const read = avroReader(schema)
    const [first, second] = messages
      .slice(0, 2)
      .map(({ value }) => read(value?.subarray(10) ?? Buffer.of()))
    expect(first).toMatchObject({
      before: null,
      after: { id: 1, note: 'n', _airbyte_overflow: null },
      source: { ...source, seq: 0 },
      transaction: null,
      op: 'r',
      ts_ms: extractedAtMs,
    })
    expect(second).toMatchObject({
      before: { id: 2, note: 'x' },
      after: null,
      source,
      op: 'd',
    })
    expect(messages[2]?.value).toBeNull()
  })

  it('says that a whole table was read', async () => {
    const options = optionsOf(columns, { sink: byId, format: debezium })
    const stream = { ...options.sink.stream, sync_mode: 'full_refresh' as const }
    const { messages } = await messagesOf(
      { ...options, sink: { ...options.sink, stream } },
      block({ id: 1 }),
    )
    expect(jsonIn(messages[0]?.value)).toMatchObject({ source: { snapshot: 'true' }, op: 'r' })
  })
})

describe('the messages', () => {
  it('name their sync and generation in headers', async () => {
    const { messages } = await messagesOf(optionsOf(columns), block({ id: 1 }))
    expect(messages[0]?.headers).toEqual(
      new Map([
        ['connect-sync', '3'],
        ['connect-generation', '2'],
      ]),
    )
  })

  it('come in batches that the topic takes, also of bytes that do not compress', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 900, size: 'max' }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1_300, max: 4_000 }),
        async (values, maxMessageBytes) => {
          const stream = {
            columns: [{ name: 'b', kind: 'bytes' as const }],
            records: values.map((b) => ({ b })),
          }
          const options = optionsOf(stream.columns, {
            format: avro,
            maxMessageBytes,
            partitions: 2,
          })
          const rows = new RowMessages(options)
          expect(rows.write(blockOf(stream)).rows).toBe(values.length)
          const pending = rows.pendingBytes
          const batches = rows.take()
          expect(batches.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(pending)
          expect(batches.reduce((sum, { count }) => sum + count, 0)).toBe(values.length)
          expect(rows.pendingBytes).toBe(0)
          for (const batch of batches) {
            const encoded = await encodeBatch(batch, { producer: anonymous, timestampMs: 0 })
            expect(Buffer.concat(encoded).length).toBeLessThanOrEqual(maxMessageBytes)
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('are forgotten by `clear`, and their buffers are used again', async () => {
    const rows = new RowMessages(optionsOf(columns, { sink: byId }))
    rows.write(block({ id: 1 }))
    rows.clear()
    expect(rows.pendingBytes).toBe(0)
    rows.write(block({ id: 2 }))
    const messages = await takeMessages(rows)
    expect(messages.map(({ key }) => String(key))).toEqual(['{"id":2}'])
    expect(rows.take()).toEqual([])
  })
})

describe('the JSON schemas', () => {
  it('have the types of the columns, under the names that the rows have', () => {
    const options = optionsOf([{ name: '_airbyte_meta', kind: 'integer' }, ...columns], {
      sink: { ...byId, metadata: 'full' },
    })
    const { key, value } = messageSchemas(options)
    expect(key).toMatchObject({ type: 'JSON', schema: { properties: { id: {} } } })
    expect(Object.keys((JSON.parse(value.text) as { properties: object }).properties)).toEqual([
      '_airbyte_meta_2',
      'note',
      'id',
      '_ab_cdc_deleted_at',
      '_airbyte_extracted_at',
      '_airbyte_generation_id',
      '_airbyte_raw_id',
      '_airbyte_meta',
    ])
  })
})

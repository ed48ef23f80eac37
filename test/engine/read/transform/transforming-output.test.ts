import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogEntry } from '../../../../engine/log/stream-log.ts'
import { LaneOutput } from '../../../../engine/read/lane-output.ts'
import type { TransformResult } from '../../../../engine/read/transform/transform-results.ts'
import { readResults } from '../../../../engine/read/transform/transform-results.ts'
import {
  batchBytes,
  batchRecords,
  parallelRequests,
  TransformingOutput,
} from '../../../../engine/read/transform/transforming-output.ts'
import { anyText } from '../../../support/any-text.ts'
import { BlockEncoder } from '../../../../protocol/avro/block-encoder.ts'
import {
  columnsOf,
  decodeBlock,
  rawJson,
  type JsonObject,
  stringifyExact,
  type RecordData,
  type RecordValue,
} from '../../../../protocol/index.ts'

const properties: JsonObject = {
  id: { type: 'integer' },
  price: { type: 'number' },
  ratio: { type: 'number', airbyte_type: 'double' },
  name: { type: 'string' },
  at: { type: 'string', format: 'date-time' },
  picture: { type: 'string', contentEncoding: 'base64' },
  more: { type: 'object' },
}
const columns = columnsOf({ properties })

type Transform = (records: readonly string[]) => Promise<readonly TransformResult[]>

/** Returns the same records that were sent, as JSON. */
const same: Transform = (records) =>
  Promise.resolve(
    readResults(
      `{"results":[${records.map((record) => `{"record":${record}}`).join(',')}]}`,
      records.length,
    ),
  )

const changing =
  (change: (record: Record<string, unknown>, index: number) => unknown): Transform =>
  (records) => {
    const results = records.map((record, index) =>
      change(JSON.parse(record) as Record<string, unknown>, index),
    )
    return Promise.resolve(readResults(JSON.stringify({ results }), records.length))
  }

interface Opened extends Disposable {
  readonly output: TransformingOutput
  readonly entries: readonly LogEntry[]
  /** The records and the reasons of rejections, in order. */
  readonly arrived: () => readonly unknown[]
}

function open(
  transform: Transform,
  { maxRecordBytes = 1e6 }: { readonly maxRecordBytes?: number } = {},
): Opened {
  const entries: LogEntry[] = []
  const out = new LaneOutput({
    encoder: new BlockEncoder({ columns, maxRecordBytes, rejectionKeyFields: ['id'] }),
    writer: {
      resume: { from: 'destination', slices: [] },
      append: (entry) => Promise.resolve(void entries.push(entry)),
      reuse: () => undefined,
      flush: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    now: () => 5,
    onTotals: () => undefined,
    onRateLimited: () => undefined,
    beforeState: () => Promise.resolve(),
  })
  out.startSlice('', 0)
  const output = new TransformingOutput({
    out,
    client: { transform },
    name: 'clean',
    apiKey: 'geheim-42',
    stream: {
      stream: { name: 's', json_schema: { properties }, supported_sync_modes: ['full_refresh'] },
      sync_mode: 'full_refresh',
      destination_sync_mode: 'append',
      primary_key: [['id']],
    },
    columns,
    maxRecordBytes,
    primaryKey: ['id'],
    observed: undefined,
    now: () => 5,
  })
  const arrived = (): readonly unknown[] =>
    entries.flatMap((entry): readonly unknown[] => {
      if (entry.type === 'records')
        return decodeBlock(entry.bytes, entry.count, columns).map(({ data }) => data)
      if (entry.type === 'rejected') return [`${entry.key ?? 'no key'}: ${entry.reason}`]
      return entry.type === 'state' ? [`state ${JSON.stringify(entry.state)}`] : []
    })
  return {
    output,
    entries,
    arrived,
    [Symbol.dispose]: () => {
      output[Symbol.dispose]()
    },
  }
}

const odd: readonly RecordData[] = [
  { id: 9007199254740993n, price: rawJson('0.10000000000000000555'), name: 'exact' },
  { id: -(2n ** 63n), price: 12345678901234567890123n, ratio: 0.1 },
  { id: 3, price: Number.NaN, ratio: Number.POSITIVE_INFINITY, name: 'NaN' },
  { id: 4, price: null, ratio: null, name: null, at: null, picture: null, more: null },
  { id: 5 },
  { id: 6, at: '2026-01-01T00:00:00.123456Z', picture: new Uint8Array([0, 255]), more: { a: 1n } },
  { id: 7, name: 'Tab\tBreak\nQuote" \\ \u2028 😀', more: { n: [9007199254740993n], o: {} } },
  { id: 8, undeclared: { deep: [1, null] }, reject: 'a field', record: null },
  { id: 10, price: 'constructor', ratio: '1' },
  { id: 9, name: 5, at: 'no time', ['__proto__']: 1 },
]

describe('a transformed stream', () => {
  test('loads what the function returned, with reasons for what it rejected', async () => {
    using opened = open(
      changing(({ name, ...record }) =>
        name === null
          ? { reject: 'no name' }
          : { record: { ...record, name: `${name as string}!` } },
      ),
    )
    const { output, arrived } = opened
    await output.records([
      { id: 1, name: 'a' },
      { id: 2, name: null },
      { id: 3, name: 'c' },
    ])
    expect(output.covered).toBe(false)
    await output.state({ at: 3 })
    expect(output.covered).toBe(true)
    expect(arrived()).toEqual([
      { id: 1, name: 'a!' },
      '[2]: function:clean: no name',
      { id: 3, name: 'c!' },
      'state {"at":3}',
    ])
  })

  test('is the same as without the function, if it returns each record as it is', async () => {
    using opened = open(same)
    await opened.output.records(odd)
    await opened.output.state(null)
    const encoder = new BlockEncoder({ columns, maxRecordBytes: 1e6 })
    encoder.records(odd, 0, 5)
    const [block] = opened.entries
    expect(block?.type === 'records' && Buffer.from(block.bytes).toString('hex')).toBe(
      Buffer.from(encoder.take()?.bytes ?? []).toString('hex'),
    )
  })

  test('is the same for any values that JSON has, which the function returns as they are', async () => {
    const value = fc.oneof(
      fc.constantFrom(null, undefined, true, -0, 1e21, 5e-324, 2n ** 63n, -(2n ** 70n)),
      fc.maxSafeInteger(),
      fc.double(),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
      fc.constantFrom('NaN', '-Infinity', '2026-02-30', '2026-01-01T00:00:00+14:00', 'AAE=', '1e5'),
      anyText(),
      fc.uint8Array(),
      fc.jsonValue(),
    )
    const fields = Object.keys(properties).filter((name) => name !== 'id')
    const record = fc.record(
      Object.fromEntries([...fields, 'undeclared', '__proto__'].map((name) => [name, value])),
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 5 }), async (batch) => {
        const plain = new BlockEncoder({ columns, maxRecordBytes: 1e6 })
        plain.records(batch, 0, 5)
        const wire = decodeBlock(plain.take()?.bytes ?? new Uint8Array(), batch.length, columns)
        using opened = open(same)
        await opened.output.records(batch)
        await opened.output.state(null)
        const shown = (data: unknown): string => stringifyExact(data as RecordValue)
        expect(opened.arrived().slice(0, -1).map(shown)).toEqual(
          wire.map(({ data }) => shown(data)),
        )
      }),
      { numRuns: 500 },
    )
  })

  test('takes rows of COPY text as it takes objects', async () => {
    using opened = open(same)
    const line = '9007199254740993\t0.10000000000000000555\t\\N\tx\\ty\t2026-01-01 00:00:00+00'
    await opened.output.copyText(Buffer.from(`${line}\t\\\\x00ff\t{"a": 1}\n`))
    await opened.output.state(null)
    expect(opened.arrived()).toEqual([
      {
        id: 9007199254740993n,
        price: rawJson('0.10000000000000000555'),
        ratio: null,
        name: 'x\ty',
        at: '2026-01-01T00:00:00Z',
        picture: new Uint8Array([0, 255]),
        more: { a: 1 },
      },
      'state null',
    ])
  })

  test('loads nothing of a record whose key the function changed', async () => {
    using opened = open(
      changing((record, index) => ({ record: index === 1 ? { ...record, id: 7 } : record })),
    )
    await opened.output.records([{ id: 1 }, { id: 2 }])
    await opened.output.state(null)
    expect(opened.arrived()).toEqual([
      { id: 1 },
      '[2]: function:clean: it changed id, which is the primary key of the stream',
      'state null',
    ])
  })

  test('shows of a reason what people can use, and never the key of the service', async () => {
    const reasons = [
      '',
      '\u0000\n',
      'key geheim-42 is wrong\r\nnext',
      'x'.repeat(10_000),
      '\ud800',
      `${'y'.repeat(495)}geheim-42`,
      Buffer.from('key geheim-42').toString('base64'),
    ]
    using opened = open(changing((_record, index) => ({ reject: reasons[index] })))
    await opened.output.records(reasons.map((_reason, id) => ({ id })))
    await opened.output.state(null)
    expect(opened.arrived().slice(0, 7)).toEqual([
      '[0]: function:clean: it gave no reason',
      '[1]: function:clean: it gave no reason',
      '[2]: function:clean: key *** is wrong next',
      `[3]: function:clean: ${'x'.repeat(500)}… (cut: 10,000 characters)`,
      '[4]: function:clean: \ufffd',
      `[5]: function:clean: ${'y'.repeat(495)}***… (cut: 504 characters)`,
      expect.stringMatching(/^\[6\]: function:clean: [A-Za-z0-9]{0,6}\*\*\*$/),
    ])
  })

  test('does not send a record that is too large, and loads none that became too large', async () => {
    const sent: string[] = []
    using opened = open(
      (records) => {
        sent.push(...records)
        return changing(({ id }) => ({ record: { id, name: 'y'.repeat(2_000) } }))(records)
      },
      { maxRecordBytes: 1_000 },
    )
    await opened.output.records([{ id: 1, name: 'x'.repeat(2_000) }, { id: 2 }])
    await opened.output.state(null)
    expect(sent).toEqual(['{"id":2}'])
    expect(opened.arrived()).toEqual([
      expect.stringMatching(/^\[1\]: record of \d+ bytes is larger than the 1000 bytes/),
      expect.stringMatching(/^\[2\]: record of \d+ bytes is larger than the 1000 bytes/),
      'state null',
    ])
  })
})

describe('the requests of a transformed stream', () => {
  test('have as many records, and bytes, as one may have', async () => {
    const sizes: number[] = []
    const note: Transform = (records) => {
      sizes.push(records.length)
      return same(records)
    }
    using many = open(note)
    await many.output.records(Array.from({ length: 2_500 }, (_, id) => ({ id })))
    await many.output.state(null)
    expect(sizes).toEqual([batchRecords, batchRecords, 500])
    sizes.length = 0
    using large = open(note, { maxRecordBytes: 4 * batchBytes })
    const name = 'x'.repeat(batchBytes / 2)
    for (let id = 0; id < 5; id++) await large.output.records([{ id, name }])
    await large.output.state(null)
    expect(sizes).toEqual([2, 2, 1])
    expect(large.arrived().map((row) => (row as RecordData).id)).toEqual([0, 1, 2, 3, 4, undefined])
  })

  test('are some at a time, and their records stay in order before the state', async () => {
    let open_ = 0
    let most = 0
    const waiting: (() => void)[] = []
    using opened = open(async (records) => {
      open_ += 1
      most = Math.max(most, open_)
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
      })
      open_ -= 1
      return same(records)
    })
    const ids = Array.from({ length: 7 * batchRecords }, (_, id) => ({ id }))
    const done = opened.output.records(ids).then(() => opened.output.state(null))
    const progress = { isDone: false }
    const end = done.finally(() => {
      progress.isDone = true
    })
    while (!progress.isDone) {
      // The newest response comes first.
      waiting.pop()?.()
      await new Promise(setImmediate)
    }
    await end
    expect(most).toBe(parallelRequests)
    expect(opened.arrived()).toEqual([...ids, 'state null'])
  })

  test('that fail end the read before anything of them, or after them, is loaded', async () => {
    let calls = 0
    using opened = open((records) => {
      calls += 1
      return calls === 2 ? Promise.reject(new Error('the function is gone')) : same(records)
    })
    const { output, arrived } = opened
    const reading = output
      .records(Array.from({ length: 3 * batchRecords }, (_, id) => ({ id })))
      .then(() => output.state(null))
    await expect(reading).rejects.toThrow('the function is gone')
    expect(arrived().length).toBeLessThanOrEqual(batchRecords)
    expect(output.covered).toBe(false)
  })

  test('are not sent for a state alone', async () => {
    using opened = open(() => Promise.reject(new Error('not asked')))
    await opened.output.state({ a: 1 })
    await opened.output.records([])
    await opened.output.state({ a: 2 })
    expect(opened.arrived()).toEqual(['state {"a":1}', 'state {"a":2}'])
  })

  test('keep the time at which each record was read', async () => {
    using opened = open(same)
    await opened.output.records([{ id: 1 }], 1_000)
    await opened.output.records([{ id: 2 }], 2_000)
    await opened.output.state(null)
    const times = opened.entries.flatMap((entry) =>
      entry.type === 'records'
        ? decodeBlock(entry.bytes, entry.count, columns).map(({ extractedAtMs }) => extractedAtMs)
        : [],
    )
    expect(times).toEqual([1_000, 2_000])
  })
})

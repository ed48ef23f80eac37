import { expect, test } from 'vitest'
import type { LogEntry } from '../../../engine/log/stream-log.ts'
import { LaneOutput } from '../../../engine/read/lane-output.ts'
import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'

const columns = [{ name: 'id', kind: 'integer' }] as const

/** An output over a log that only remembers what it was given. */
function outputOver(
  entries: LogEntry[],
  beforeState: () => Promise<void> = () => Promise.resolve(),
  passedBytes?: number,
): LaneOutput {
  return new LaneOutput({
    ...(passedBytes !== undefined && { passedBytes }),
    encoder: new BlockEncoder({ columns, maxRecordBytes: 1e6 }),
    writer: {
      resume: { from: 'destination', slices: [] },
      append: (entry) => Promise.resolve(void entries.push(entry)),
      reuse: () => undefined,
      flush: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    now: () => 0,
    onTotals: () => undefined,
    onRateLimited: () => undefined,
    beforeState,
  })
}

test('a state goes into the log only when what must be durable before it is', async () => {
  const entries: LogEntry[] = []
  const asked = Promise.withResolvers<undefined>()
  const durable = Promise.withResolvers<undefined>()
  const output = outputOver(entries, async () => {
    asked.resolve(undefined)
    await durable.promise
  })
  output.startSlice('', 0)
  await output.records([{ id: 1 }])
  const given = output.state({ id: 1 })
  await asked.promise
  expect(entries.map(({ type }) => type)).toEqual(['records'])
  durable.resolve(undefined)
  await given
  expect(entries.map(({ type }) => type)).toEqual(['records', 'state'])
})

test('a state is not given to the log if that could not be made durable', async () => {
  const entries: LogEntry[] = []
  const output = outputOver(entries, () => Promise.reject(new Error('the destination is away')))
  output.startSlice('', 0)
  await output.records([{ id: 1 }])
  await expect(output.state({ id: 1 })).rejects.toThrow('the destination is away')
  expect(entries.map(({ type }) => type)).toEqual(['records'])
  expect(output.covered).toBe(false)
})

/** One row of binary COPY: a field of int8. */
function rowOf(id: number): Buffer {
  const row = Buffer.alloc(14)
  row.writeInt16BE(1, 0)
  row.writeInt32BE(8, 2)
  row.writeBigInt64BE(BigInt(id), 6)
  return row
}

test('rows of binary COPY follow the records before them, as they are', async () => {
  const entries: LogEntry[] = []
  const output = outputOver(entries, undefined, 1_000)
  output.startSlice('', 5)
  await output.records([{ id: 1 }, { id: 2 }])
  const bytes = Buffer.concat([rowOf(3), rowOf(4), rowOf(5)])
  await output.copyBinary({ bytes, count: 3 }, ['int8'], 7)
  // The bytes are the caller's again.
  const given = Buffer.from(bytes)
  bytes.fill(0)
  expect(output.covered).toBe(false)
  await output.state({ id: 5 })
  expect(entries).toMatchObject([
    { type: 'records', seq: 5, count: 2 },
    { type: 'records', seq: 7, count: 3, copy: { types: ['int8'], emittedAtMs: 7 } },
    { type: 'state', seq: 10, count: 5 },
  ])
  expect(entries.map((entry) => 'copy' in entry)).toEqual([false, true, false])
  const [, passed] = entries
  expect(passed?.type === 'records' && Buffer.from(passed.bytes)).toEqual(given)
  expect(output.covered).toBe(true)
  expect(output.totals).toMatchObject({ records: 5, rejected: 0 })
})

test('rows that are too large to be passed on are encoded', async () => {
  const entries: LogEntry[] = []
  const output = outputOver(entries, undefined, 20)
  output.startSlice('', 0)
  await output.copyBinary({ bytes: rowOf(1), count: 1 }, ['int8'])
  await output.copyBinary({ bytes: Buffer.concat([rowOf(2), rowOf(3)]), count: 2 }, ['int8'])
  await output.state({ id: 3 })
  expect(entries.map(({ type }) => type)).toEqual(['records', 'records', 'state'])
  expect(entries.map((entry) => 'copy' in entry)).toEqual([true, false, false])
  expect(entries).toMatchObject([{ count: 1 }, { seq: 1, count: 2 }, { seq: 3 }])
})

import { expect, test } from 'vitest'
import type { LogEntry } from '../../../engine/log/stream-log.ts'
import { LaneOutput } from '../../../engine/read/lane-output.ts'
import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'

const columns = [{ name: 'id', kind: 'integer' }] as const

/** An output over a log that only remembers what it was given. */
function outputOver(entries: LogEntry[], beforeState: () => Promise<void>): LaneOutput {
  return new LaneOutput({
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

import { afterEach, describe, expect, test } from 'vitest'
import { isLong } from '../../support/long.ts'
import { EmbeddedLog } from '../../../engine/log/embedded/embedded-log.ts'
import { openLaneReader } from '../../../engine/log/lane.ts'
import {
  append,
  checkpoint,
  expectContiguous,
  openLane,
  openWriter,
  readAll,
  startReader,
  startWriter,
  type Kind,
} from './lanes.ts'
import { sampleColumns, sampleRecords, sampleStream } from './sample-records.ts'
import { silent as logger } from '../../support/logger.ts'

const kinds: readonly Kind[] = ['embedded', 'kafka block', 'kafka record']

const warnings: string[] = []
process.on('warning', (warning) => warnings.push(warning.message))
afterEach(() => {
  expect(warnings).toEqual([])
})

describe.each(kinds)('the %s log', (kind) => {
  test('gives a reader in another thread every entry in order, slice after slice', async () => {
    const lane = await openLane(kind)
    const slices = ['a', 'b', ''].map((slice) => ({
      slice,
      from: 0,
      to: 1_000,
      unit: 300,
      block: 70,
    }))
    const writer = startWriter(lane.endpoint, { slices })
    await writer.resumed
    const reader = startReader(lane.endpoint)
    expect(await writer.done).toEqual({ records: 3_000 })
    expect(await reader.done).toEqual({ records: 3_000 })
    for (const slice of ['a', 'b', '']) {
      const seen = reader.seen.filter((entry) => entry.slice === slice)
      expect(seen.at(0)).toMatchObject({ type: 'begin', seq: 0 })
      expect(seen.at(-1)).toMatchObject({ type: 'end', seq: 1_000 })
      expect(seen.filter(({ type }) => type === 'state').map(({ seq }) => seq)).toEqual([
        300, 600, 900, 1_000,
      ])
      expectContiguous(seen)
    }
    expect(reader.seen.at(-1)).toMatchObject({ type: 'close', attempt: 1 })
  })

  test('gives back the bytes, rejections and states that were written', async () => {
    const lane = await openLane(kind)
    await using writer = await openWriter(lane.endpoint)
    const records = sampleRecords('s', { seq: 0, count: 40 })
    const expected = Buffer.from(records.bytes)
    const state = { cursor: 'ä\u0000', nested: [1, null, { deep: true }] }
    await append(writer, [
      { type: 'begin', syncId: 1, attempt: 1, slice: 's', seq: 0, columns: sampleColumns },
      records,
      { type: 'rejected', slice: 's', seq: 40, reason: 'too large', key: '[41]' },
      { type: 'state', slice: 's', seq: 41, count: 41, state },
      { type: 'end', slice: 's', seq: 41, outcome: 'complete' },
      { type: 'close', attempt: 1, records: 40 },
    ])
    await writer.flush()
    const entries = await readAll(lane.endpoint)
    expect(entries.map(({ type }) => type)).toEqual([
      'begin',
      'records',
      'rejected',
      'state',
      'end',
      'close',
    ])
    const [begin, block, rejected, given] = entries
    expect(begin).toEqual({
      type: 'begin',
      syncId: 1,
      attempt: 1,
      slice: 's',
      seq: 0,
      columns: sampleColumns,
    })
    expect(block?.type === 'records' && Buffer.from(block.bytes).equals(expected)).toBe(true)
    expect(rejected).toMatchObject({ seq: 40, reason: 'too large', key: '[41]' })
    expect(given).toEqual({ type: 'state', slice: 's', seq: 41, count: 41, state })
  })

  test.each([
    ['a close', { records: 11, count: 10 }, 'accounting_mismatch'],
    ['a state', { records: 10, count: 9 }, 'accounting_mismatch'],
  ])('refuses %s that counts other than what came', async (_, lie, code) => {
    const lane = await openLane(kind)
    await using writer = await openWriter(lane.endpoint)
    await append(writer, [
      { type: 'begin', syncId: 1, attempt: 1, slice: '', seq: 0, columns: sampleColumns },
      sampleRecords('', { seq: 0, count: 10 }),
      { type: 'state', slice: '', seq: 10, count: lie.count, state: {} },
      { type: 'end', slice: '', seq: 10, outcome: 'complete' },
      { type: 'close', attempt: 1, records: lie.records },
    ])
    await writer.flush()
    await expect(readAll(lane.endpoint)).rejects.toMatchObject({ code })
  })

  test.each([
    ['a gap', 11],
    ['a repetition', 5],
  ])('refuses %s in the records of a slice', async (_, seq) => {
    const lane = await openLane(kind)
    await using writer = await openWriter(lane.endpoint)
    await append(writer, [
      { type: 'begin', syncId: 1, attempt: 1, slice: '', seq: 0, columns: sampleColumns },
      sampleRecords('', { seq: 0, count: 10 }),
      sampleRecords('', { seq, count: 10 }),
      { type: 'state', slice: '', seq: seq + 10, count: 20, state: {} },
      { type: 'close', attempt: 1, records: 20 },
    ])
    await writer.flush()
    await expect(readAll(lane.endpoint)).rejects.toMatchObject({ code: 'log_out_of_order' })
  })

  test.runIf(isLong || kind === 'embedded')('carries records up to its limit', async () => {
    const lane = await openLane(kind)
    const nameBytes = lane.maxRecordBytes - 64
    expect(nameBytes).toBeGreaterThan(8_000_000)
    await using writer = await openWriter(lane.endpoint)
    const reading = kind === 'embedded' ? readAll(lane.endpoint) : undefined
    await append(writer, [
      { type: 'begin', syncId: 1, attempt: 1, slice: '', seq: 0, columns: sampleColumns },
      sampleRecords('', { seq: 0, count: 1, nameBytes }),
      sampleRecords('', { seq: 1, count: 1, nameBytes: nameBytes >> 1 }),
      { type: 'state', slice: '', seq: 2, count: 2, state: {} },
      { type: 'end', slice: '', seq: 2, outcome: 'complete' },
      { type: 'close', attempt: 1, records: 2 },
    ])
    await writer.flush()
    const entries = await (reading ?? readAll(lane.endpoint))
    const bytes = entries.flatMap((entry) => (entry.type === 'records' ? [entry.bytes.length] : []))
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(1.5 * nameBytes)
  })

  test('ends a wait with undefined when the signal says so', async () => {
    const lane = await openLane(kind)
    await using writer = await openWriter(lane.endpoint)
    await using reader = await openLaneReader(lane.endpoint.reader.address, {}, logger)
    const stop = new AbortController()
    const waiting = reader.next(stop.signal)
    stop.abort()
    expect(await waiting).toBeUndefined()
    expect(writer.resume.from).toBe('destination')
  })

  test('starts an attempt from the destination where the log holds nothing newer', async () => {
    const lane = await openLane(kind)
    const slices = [checkpoint('a', 7)]
    await using writer = await openWriter(lane.endpoint, { slices })
    expect(writer.resume).toMatchObject({ from: 'destination', slices })
    expect(writer.resume.warning).toBeUndefined()
  })
})

describe('the embedded log', () => {
  test('keeps the bytes in flight below its bound however slow the reader is', async () => {
    const maxQueueBytes = 1024 * 1024
    await using log = new EmbeddedLog({ maxQueueBytes })
    const {
      lanes: [endpoint],
    } = await log.openStream({
      connection: 'c',
      stream: sampleStream,
      partitions: 1,
    })
    if (endpoint === undefined) throw new Error('no lane')
    let appended = 0
    const slices = [{ slice: '', from: 0, to: 20_000, unit: 20_000, block: 500, nameBytes: 300 }]
    const writer = startWriter(endpoint, { slices, onAppended: (bytes) => (appended += bytes) })
    await writer.resumed
    await using reader = await openLaneReader(endpoint.reader.address, {}, logger)
    const { signal } = new AbortController()
    let given = 0
    let held = 0
    for (
      let item = await reader.next(signal);
      item !== undefined;
      item = await reader.next(signal)
    ) {
      if (item.entry.type !== 'records') continue
      given += item.entry.bytes.length
      held += item.entry.bytes.length
      await new Promise((resolve) => setImmediate(resolve))
      expect(appended - (given - held)).toBeLessThanOrEqual(maxQueueBytes + 200_000)
      if (held < maxQueueBytes / 2) continue
      reader.release()
      held = 0
    }
    expect(given).toBeGreaterThan(6 * maxQueueBytes)
    expect(await writer.done).toEqual({ records: 20_000 })
  })

  test('lets an entry larger than its bound go alone', async () => {
    await using log = new EmbeddedLog({ maxQueueBytes: 1_000 })
    const {
      lanes: [endpoint],
    } = await log.openStream({
      connection: 'c',
      stream: sampleStream,
      partitions: 1,
    })
    if (endpoint === undefined) throw new Error('no lane')
    const slices = [{ slice: '', from: 0, to: 30, unit: 10, block: 10, nameBytes: 5_000 }]
    const writer = startWriter(endpoint, { slices })
    const reader = startReader(endpoint)
    expect(await reader.done).toEqual({ records: 30 })
    expect(await writer.done).toEqual({ records: 30 })
  })

  test('cannot be opened twice by the same end', async () => {
    const lane = await openLane('embedded')
    await using writer = await openWriter(lane.endpoint)
    await expect(openWriter(lane.endpoint)).rejects.toMatchObject({ code: 'log_lane_in_use' })
    await expect(writer.flush()).resolves.toBeUndefined()
  })

  test('tells the reader that its writer died, after what the writer had sent', async () => {
    const lane = await openLane('embedded')
    const slices = [{ slice: '', from: 0, to: 1_000, unit: 100, block: 50 }]
    const writer = startWriter(lane.endpoint, { slices, then: 'exit' })
    const reader = startReader(lane.endpoint)
    await expect(reader.done).rejects.toMatchObject({ code: 'log_writer_lost' })
    await writer.exited
    expect(reader.seen.filter(({ type }) => type === 'state')).toHaveLength(10)
  })

  test('tells a waiting writer that its reader died', async () => {
    const lane = await openLane('embedded', { maxQueueBytes: 100_000 })
    const slices = [{ slice: '', from: 0, to: 100_000, unit: 100_000, block: 100 }]
    const writer = startWriter(lane.endpoint, { slices })
    const reader = startReader(lane.endpoint, { exitAfter: 3 })
    await expect(writer.done).rejects.toMatchObject({ code: 'log_reader_lost' })
    await reader.exited
  })
})

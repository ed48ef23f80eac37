import { expect, test } from 'vitest'
import { committedBatches } from '../../kafka/committed-batches.ts'
import type { RecordBatch } from '../../kafka/record-batch/record-batch.ts'

const first = 1n
const second = 2n

test('leaves out the batches of an aborted transaction up to its marker, and no others', () => {
  const batches = [
    batch(0n, first),
    batch(1n, second),
    batch(2n, first),
    marker(3n, first),
    batch(4n, first),
    marker(5n, first),
    marker(6n, second),
  ]
  const kept = committedBatches(batches, [{ producerId: first, firstOffset: 0n }])
  expect(kept.map(({ baseOffset }) => baseOffset)).toEqual([1n, 4n])
})

test('knows transactions that are told of in the order of their ends', () => {
  const batches = [
    batch(0n, first),
    batch(1n, second),
    marker(2n, second),
    marker(3n, first),
    batch(4n, second),
  ]
  const aborted = [
    { producerId: second, firstOffset: 1n },
    { producerId: first, firstOffset: 0n },
  ]
  expect(committedBatches(batches, aborted).map(({ baseOffset }) => baseOffset)).toEqual([4n])
})

test('keeps what was written outside of a transaction', () => {
  const outside = { ...batch(1n, first), transactional: false }
  expect(
    committedBatches([batch(0n, first), outside], [{ producerId: first, firstOffset: 0n }]),
  ).toEqual([outside])
})

test('leaves out a transaction that began before the fetch', () => {
  const batches = [batch(10n, first), marker(11n, first), batch(12n, first)]
  const kept = committedBatches(batches, [{ producerId: first, firstOffset: 3n }])
  expect(kept.map(({ baseOffset }) => baseOffset)).toEqual([12n])
})

function batch(baseOffset: bigint, producerId: bigint): RecordBatch {
  return {
    baseOffset,
    lastOffset: baseOffset,
    codec: 0,
    transactional: true,
    control: false,
    producerId,
    producerEpoch: 0,
    count: 1,
    checksum: 0,
    body: Buffer.alloc(0),
  }
}

function marker(baseOffset: bigint, producerId: bigint): RecordBatch {
  return { ...batch(baseOffset, producerId), control: true }
}

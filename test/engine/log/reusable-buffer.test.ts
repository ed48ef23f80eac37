import { expect, test } from 'vitest'
import { ReusableBuffers } from '../../../engine/log/reusable-buffer.ts'
import { DEFAULT_BLOCK_BYTES } from '../../../protocol/avro/block-encoder.ts'

test('buffers that come back and are never asked for do not gather', () => {
  const buffers = new ReusableBuffers()
  // A state cuts each block short of its size: a read of any length gives them back.
  const size = Math.round(DEFAULT_BLOCK_BYTES * 0.8)
  for (let block = 0; block < 1_000; block++) buffers.add(new ArrayBuffer(size))
  let bytes = 0
  for (let buffer = buffers.take(); buffer !== undefined; buffer = buffers.take())
    bytes += buffer.byteLength
  expect(bytes).toBeGreaterThan(4 * 1024 * 1024)
  expect(bytes).toBeLessThanOrEqual(8 * 1024 * 1024)
  buffers.add(new ArrayBuffer(size))
  expect(buffers.take()?.byteLength).toBe(size)
})

test('buffers that are much smaller or larger than a block are not used again', () => {
  const buffers = new ReusableBuffers()
  for (const factor of [0.4, 5]) buffers.add(new ArrayBuffer(DEFAULT_BLOCK_BYTES * factor))
  buffers.add(new SharedArrayBuffer(DEFAULT_BLOCK_BYTES))
  expect(buffers.take()).toBeUndefined()
})

import { pipeline, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { constants, createZstdDecompress, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { isZstd, zstdFrames } from '../../rows/zstd-frames.ts'

function chunked(bytes: Buffer, size: number): AsyncIterable<Uint8Array> {
  const count = Math.ceil(bytes.length / size)
  return Readable.from(
    Array.from({ length: count }, (_, n) => bytes.subarray(n * size, (n + 1) * size)),
  )
}

async function textsOf(bytes: Buffer, size: number): Promise<string[]> {
  const texts: string[] = []
  for await (const frame of zstdFrames(chunked(bytes, size))) {
    const whole = pipeline(frame, createZstdDecompress(), () => undefined)
    texts.push((await buffer(whole)).toString())
  }
  return texts
}

/** Texts whose frames have each kind of header and of block. */
const texts = [
  '',
  'short',
  'x'.repeat(1_000_000),
  Array.from({ length: 90_000 }, (_, n) => String((n * 7919) % 65_537)).join(','),
]
const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])

test.each([1_000, 1_000_000])('all frames are found, in chunks of %i bytes', async (size) => {
  const frames = texts.flatMap((text) => [
    zstdCompressSync(text),
    skippable,
    zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }),
  ])
  const file = Buffer.concat([skippable, ...frames])
  expect(await textsOf(file, size)).toEqual(texts.flatMap((text) => [text, text]))
  expect([isZstd(file), isZstd(frames[0] ?? file), isZstd(Buffer.from('text'))]).toEqual([
    ...[true, true, false],
  ])
})

test('a frame that is cut, and what is no frame, are named', async () => {
  const frame = zstdCompressSync('text')
  await expect(textsOf(frame.subarray(0, -3), 100)).rejects.toThrow('ends in the middle')
  const other = Buffer.concat([frame, Buffer.from('something else')])
  await expect(textsOf(other, 100)).rejects.toThrow('something else follows a frame')
})

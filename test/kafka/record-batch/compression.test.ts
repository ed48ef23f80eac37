import fc from 'fast-check'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compress, decompress, zstd } from '../../../kafka/record-batch/compression.ts'

const text =
  '{"id":1,"name":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","tags":["x","y"]}'.repeat(4) +
  'Łukasz Żółć 山田太郎'
/** A text whose copies are long and short, overlap what they write, and end in literals. */
const compressed = [
  ['none', 0, Buffer.from(text)],
  ['gzip', 1, gzipSync(text)],
  [
    'bare snappy, as librdkafka sends it',
    2,
    base64(
      'yQJAeyJpZCI6MSwibmFtZSI6ImGaAQBIIiwidGFncyI6WyJ4IiwieSJdff5LAP5LAP5LAIJLAHDFgXVrYXN6IMW7w7PFgsSHIOWxseeUsOWkqumDjg==',
    ),
  ],
  ["snappy in snappy-java's stream", 2, snappyStream(text.slice(0, 100), text.slice(100))],
  [
    'lz4',
    3,
    base64(
      'BCJNGGBAgk0AAAD/AnsiaWQiOjEsIm5hbWUiOiJhAQAU/wQiLCJ0YWdzIjpbIngiLCJ5Il19SwDO8A7FgXVrYXN6IMW7w7PFgsSHIOWxseeUsOWkqumDjgAAAAA=',
    ),
  ],
] as const

test.each(compressed)('opens %s', async (_, codec, bytes) => {
  expect((await decompress(bytes, { codec, maxBytes: 1_000 })).toString()).toBe(text)
})

test.each(compressed.slice(1))(
  'refuses %s that is larger than allowed',
  async (_, codec, bytes) => {
    await expect(decompress(bytes, { codec, maxBytes: 100 })).rejects.toThrow(RangeError)
  },
)

test('gives back what it compresses', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5_000, size: 'max' }), async (bytes) => {
      const opened = await decompress(await compress(bytes), { codec: zstd, maxBytes: 5_000 })
      expect(opened.equals(bytes)).toBe(true)
    }),
  )
})

test('refuses broken bytes of any codec, and ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...compressed.slice(1)),
      fc.nat(300),
      fc.integer({ min: 1, max: 255 }),
      async ([, codec, whole], index, flip) => {
        const bytes = Buffer.from(whole)
        bytes[index % bytes.length] = (bytes[index % bytes.length] ?? 0) ^ flip
        const opening = decompress(bytes, { codec, maxBytes: 10_000 })
        // A flipped literal is a different text; Kafka's batch has a checksum.
        const outcome = opening.then(
          (opened) => opened.length <= 10_000,
          (error: unknown) => error instanceof Error,
        )
        await expect(outcome).resolves.toBe(true)
      },
    ),
  )
})

test('says which codec is not known', async () => {
  await expect(decompress(Buffer.alloc(1), { codec: 7, maxBytes: 1 })).rejects.toThrow(
    'compression 7 is not known',
  )
})

function base64(encoded: string): Buffer {
  return Buffer.from(encoded, 'base64')
}

/** Literals only, a block a part. */
function snappyStream(...parts: readonly string[]): Buffer {
  const pieces = [
    Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
  ]
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = bytes.length
    const block = Buffer.concat([
      Buffer.from([
        (length & 0x7f) | 0x80,
        length >> 7,
        (61 << 2) | 0,
        length - 1,
        (length - 1) >> 8,
      ]),
      bytes,
    ])
    const size = Buffer.alloc(4)
    size.writeUInt32BE(block.length)
    pieces.push(size, block)
  }
  return Buffer.concat(pieces)
}

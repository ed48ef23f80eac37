import { pipeline, Readable, type Duplex } from 'node:stream'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib'

/** A body without its content encodings, as it arrives. An unknown encoding is left as it is. */
export function decompress(
  body: Readable,
  contentEncoding: string | undefined,
): AsyncIterable<Uint8Array> {
  const encodings = (contentEncoding ?? '')
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '' && encoding !== 'identity')
  let decoded: AsyncIterable<Uint8Array> = body
  for (const encoding of encodings.reverse()) decoded = decodeOne(decoded, encoding)
  return decoded
}

async function* decodeOne(
  source: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncIterable<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]()
  const first = await nextNonEmpty(iterator)
  // Some servers announce an encoding of a body that is empty.
  if (first === undefined) return
  const decoder = decoderFor(encoding, first)
  const whole = rest(first, iterator)
  if (decoder === undefined) {
    yield* whole
    return
  }
  // Errors of either side arrive through the decoder, which is being read.
  const decoded: AsyncIterable<Uint8Array> = pipeline(
    Readable.from(whole),
    decoder,
    () => undefined,
  )
  yield* decoded
}

async function nextNonEmpty(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (;;) {
    const next = await iterator.next()
    if (next.done === true) return undefined
    if (next.value.length > 0) return next.value
  }
}

async function* rest(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  let ended = false
  try {
    yield first
    for (;;) {
      const next = await iterator.next()
      if (next.done === true) {
        ended = true
        return
      }
      yield next.value
    }
  } finally {
    if (!ended) await iterator.return?.()
  }
}

function decoderFor(encoding: string, first: Uint8Array): Duplex | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      // By the standard it has a zlib header; some servers leave that out.
      return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    default:
      return undefined
  }
}

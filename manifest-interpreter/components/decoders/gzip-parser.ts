import { createGunzip } from 'node:zlib'
import { pumped } from './pumped.ts'
import { DecodeError } from './decode-error.ts'
import type { BodyParser } from './body-parser.ts'

/** GzipDecoder: decompresses a body that starts as gzip does, and passes any other through. */
export function gzipParser(inner: BodyParser): BodyParser {
  return async function* parse(bytes) {
    const { isGzip, all } = await sniffed(bytes)
    yield* inner(isGzip ? pumped(all, createGunzip(), gzipError) : all)
  }
}

async function sniffed(
  bytes: AsyncIterable<Uint8Array>,
): Promise<{ readonly isGzip: boolean; readonly all: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array(0)
  while (head.length < 2) {
    const next = await iterator.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  return { isGzip: head[0] === 0x1f && head[1] === 0x8b, all: resumed(head, iterator) }
}

async function* resumed(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncIterable<Uint8Array> {
  try {
    if (head.length > 0) yield head
    for (let next = await rest.next(); next.done !== true; next = await rest.next())
      yield next.value
  } finally {
    // Frees the connection where the reader stops early.
    await rest.return?.()
  }
}

function gzipError(cause: Error): DecodeError {
  const isShort = 'code' in cause && cause.code === 'Z_BUF_ERROR'
  return isShort
    ? new DecodeError('EOFError', 'The gzip data of the response ends too early.', { cause })
    : new DecodeError('BadGzipFile', 'The gzip data of the response is broken.', { cause })
}

import { createGunzip } from 'node:zlib'
import { sniffed } from '../../http/body-head.ts'
import { decompressChunks } from './decompress-chunks.ts'
import { DecodeError } from './decode-error.ts'
import type { BodyParser } from './body-parser.ts'

/** GzipDecoder: decompresses a body that starts as gzip does, and passes any other through. */
export function gzipParser(inner: BodyParser): BodyParser {
  return async function* parse(bytes) {
    const { head, all } = await sniffed(bytes)
    const isGzip = head[0] === 0x1f && head[1] === 0x8b
    yield* inner(isGzip ? decompressChunks(all, createGunzip(), gzipError) : all)
  }
}

function gzipError(cause: Error): DecodeError {
  const isShort = 'code' in cause && cause.code === 'Z_BUF_ERROR'
  return isShort
    ? new DecodeError('EOFError', 'The gzip data of the response ends too early.', { cause })
    : new DecodeError('BadGzipFile', 'The gzip data of the response is broken.', { cause })
}

import { Readable, type Transform } from 'node:stream'

/**
 * The output of a decompressor for these bytes, as it comes. Its own errors are turned by `explain`; those of
 * the bytes pass.
 */
export async function* decompressChunks(
  bytes: AsyncIterable<Uint8Array>,
  decompressor: Transform,
  explain: (cause: Error) => Error,
): AsyncIterable<Uint8Array> {
  const source = Readable.from(bytes, { objectMode: true })
  source.on('error', (error) => decompressor.destroy(error))
  source.pipe(decompressor)
  try {
    for await (const chunk of decompressor) {
      if (chunk instanceof Uint8Array) yield chunk
    }
  } catch (error) {
    throw isZlibError(error) ? explain(error) : error
  } finally {
    source.destroy()
    decompressor.destroy()
  }
}

/** An error of the decompressor itself: its data are broken or end too early. */
function isZlibError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('Z_')
  )
}

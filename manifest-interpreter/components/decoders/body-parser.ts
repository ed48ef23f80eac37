import type { Value } from '../../value/value.ts'

/**
 * Turns the bytes of a body, as they arrive, into batches of values. Throws a `DecodeError` or a
 * `SourceError`.
 */
export type BodyParser = (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<readonly Value[]>

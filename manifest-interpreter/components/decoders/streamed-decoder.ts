import type { Decoder } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { Value } from '../../value/value.ts'

/**
 * A decoder that reads the body as it arrives. Paginators see an empty dict instead of it, as with the
 * reference.
 */
export function streamedDecoder(
  parse: (
    bytes: AsyncIterable<Uint8Array>,
    response: HttpResponse,
  ) => AsyncIterable<readonly Value[]>,
): Decoder {
  return {
    streams: true,
    decode: (response) => parse(response.stream(), response),
    whole: () => Promise.resolve({}),
  }
}

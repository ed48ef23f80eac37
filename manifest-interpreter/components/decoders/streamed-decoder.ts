import type { Decoder } from '../../contracts.ts'
import type { BodyParser } from './body-parser.ts'

/** A decoder that reads the body as it arrives. Paginators see an empty dict instead of it, as with the reference. */
export function streamedDecoder(parse: BodyParser): Decoder {
  return {
    streams: true,
    decode: (response) => parse(response.stream()),
    whole: () => Promise.resolve({}),
  }
}

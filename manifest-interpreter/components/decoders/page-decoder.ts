import type { Decoder } from '../../contracts.ts'

/** A decoder that a paginator may go with. */
export interface PageDecoder extends Decoder {
  readonly supportsPagination: true
}

export function isPageDecoder(decoder: Decoder): decoder is PageDecoder {
  return 'supportsPagination' in decoder && decoder.supportsPagination === true
}

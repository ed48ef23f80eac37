import { isPathDecoder, jsonDecoder } from '../decoders/json-decoder.ts'
import type { Decoder } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { Value } from '../../value/value.ts'

/** What the templates of a paginator see as `response`. */
export interface PageResponse {
  /** The decoded body, of a list its first element; null for templates that do not name it. */
  bodyOf(response: HttpResponse): Promise<Value>
}

/** Asks the decoder to keep bodies, if one of the templates may look at them. */
export function pageResponse(
  decoder: Decoder | undefined,
  templates: readonly (Value | undefined)[],
): PageResponse {
  if (!templates.some(namesResponse)) return { bodyOf: () => Promise.resolve(null) }
  const used = decoder ?? jsonDecoder()
  if (isPathDecoder(used)) used.keepWhole()
  return {
    async bodyOf(response) {
      const value = await used.whole(response)
      return Array.isArray(value) ? (value[0] ?? {}) : value
    },
  }
}

/** May return true if the word is in a text: the body is then kept in vain. */
function namesResponse(template: Value | undefined): boolean {
  return typeof template === 'string' && /\bresponse\b/.test(template)
}

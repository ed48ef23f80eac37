import { isPathDecoder, jsonDecoder } from '../decoders/json-decoder.ts'
import { parsedTemplate } from '../../jinja/parsed-template.ts'
import { keysRead } from '../../jinja/keys-read.ts'
import type { Decoder } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { Value } from '../../value/value.ts'

/** The `response` that the templates of a paginator see. */
export interface PageResponse {
  /** The decoded body, of a list its first element; null for templates that do not name it. */
  bodyOf(response: HttpResponse): Promise<Value>
}

/**
 * Makes the decoder hold bodies, or the values under some of their keys, if one of the templates may look at
 * them.
 */
export function pageResponse(
  decoder: Decoder | undefined,
  templates: readonly (Value | undefined)[],
): PageResponse {
  if (!templates.some(namesResponse)) return { bodyOf: () => Promise.resolve(null) }
  const used = decoder ?? jsonDecoder()
  if (isPathDecoder(used)) used.keepWhole(() => keysSeen(templates.filter(namesResponse)))
  return {
    async bodyOf(response) {
      const value = await used.whole(response)
      return Array.isArray(value) ? (value[0] ?? {}) : value
    },
  }
}

/** The keys of `response` that the templates look at; undefined if they may look at others. */
function keysSeen(templates: readonly (Value | undefined)[]): ReadonlySet<string> | undefined {
  const seen = new Set<string>()
  for (const template of templates) {
    const body = typeof template === 'string' ? parsedTemplate(template) : undefined
    const keys = body && keysRead(body, 'response')
    if (keys === undefined) return undefined
    for (const key of keys) seen.add(key)
  }
  return seen
}

/** May return true if the word is in a text: the body is then held in vain. */
function namesResponse(template: Value | undefined): boolean {
  return typeof template === 'string' && /\bresponse\b/.test(template)
}

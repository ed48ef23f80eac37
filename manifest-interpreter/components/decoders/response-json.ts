import { parseResponseJson } from '../../value/json.ts'
import type { Value } from '../../value/value.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The JSON value of a body, undefined if it is not UTF-8 or no JSON (a byte order mark makes it none). */
export function responseJson(body: Uint8Array): Value | undefined {
  try {
    return parseResponseJson(utf8.decode(body))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

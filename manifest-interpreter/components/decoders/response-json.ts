import { markedUtf8Text } from '../../../lib/text/utf8-text.ts'
import { parseResponseJson } from '../../value/json.ts'
import type { Value } from '../../value/value.ts'

/** The JSON value of a body, undefined if it is not UTF-8 or no JSON (a byte order mark makes it none). */
export function responseJson(body: Uint8Array): Value | undefined {
  const text = markedUtf8Text(body)
  if (text === undefined) return undefined
  try {
    return parseResponseJson(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

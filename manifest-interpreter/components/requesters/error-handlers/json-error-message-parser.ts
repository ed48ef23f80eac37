import type { HttpResponse } from '../../../http/http-response.ts'
import { get, isDict } from '../../../value/dict.ts'
import { truth } from '../../../value/truth.ts'
import type { Value } from '../../../value/value.ts'

/** Where APIs put the reason of an error, in order of preference. */
const REASON_FIELDS = [
  'message',
  'messages',
  'error',
  'errors',
  'failures',
  'failure',
  'detail',
  'err',
  'error_message',
  'msg',
  'reason',
  'status_message',
]

/** The reason that the body of a response gives; null if there is none, or the body is not text. */
export async function parseErrorMessage(response: HttpResponse): Promise<string | null> {
  try {
    return reasonIn(await response.json())
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await response.bytes())
  } catch (error) {
    if (error instanceof TypeError) return null
    throw error
  }
}

/** The body as JSON; an empty dict if it is none. */
export async function jsonOrEmpty(response: HttpResponse): Promise<Value> {
  try {
    return await response.json()
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

function reasonIn(value: Value): string | null {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    return value
      .map(reasonIn)
      .filter((reason) => reason !== null)
      .join(', ')
  }
  if (!isDict(value)) return null
  let reason: Value = null
  for (const field of REASON_FIELDS) {
    reason = get(value, field) ?? null
    if (truth(reason)) break
  }
  return reasonIn(reason)
}

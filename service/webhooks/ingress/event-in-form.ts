import { isJsonObject } from '../../../protocol/index.ts'
import { parseExactJson } from '../../../protocol/exact-json.ts'

export interface SentEvent {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The event of a genuine delivery: if the vendor wrote its JSON into a field of a form, that JSON, so that all that look at bodies find it. The body
 * says whether it is a form, not its content type, which no signature covers.
 */
export function eventIn(
  sent: Buffer,
  {
    headers,
    formField,
  }: { readonly headers: SentEvent['headers']; readonly formField: string | undefined },
): SentEvent {
  if (formField === undefined || !sent.subarray(0, formField.length + 1).equals(start(formField)))
    return { body: sent, headers }
  const text = new URLSearchParams(sent.toString('utf8')).get(formField)
  if (text === null || !saysObject(text)) return { body: sent, headers }
  return { body: Buffer.from(text), headers: { ...headers, 'content-type': 'application/json' } }
}

function start(formField: string): Buffer {
  return Buffer.from(`${formField}=`)
}

function saysObject(text: string): boolean {
  try {
    return isJsonObject(parseExactJson(text))
  } catch {
    return false // Also nested too deeply: a RangeError.
  }
}

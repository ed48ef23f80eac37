import { randomUUID } from 'node:crypto'
import { formatPointer, parsePointer } from '../../../lib/text/json-pointer.ts'
import {
  ConnectError,
  isJsonObject,
  own,
  valueAt,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { pointerInForm } from '../deliveries/event-body.ts'
import { keyOf } from '../signature/hmac.ts'
import { signedHeaders } from '../signature/sign.ts'
import type { IncomingDelivery } from './contract.ts'
import type { IngressReceiver } from './receiver-directory.ts'

const testType = 'reactor.connect.test'

/**
 * A delivery as the receiver's sender would send it: signed with its secret, with an id and a type if its
 * rules expect them. Values that the body already has at these places stay; only the time is replaced. Throws
 * `receiver_secret_invalid` if there is no secret of the right form.
 */
export function testDelivery(
  { name, rules, secretsAt }: Pick<IngressReceiver, 'name' | 'rules' | 'secretsAt'>,
  { nowMs, body = {} }: { readonly nowMs: number; readonly body?: JsonValue },
): Omit<IncomingDelivery, 'token'> {
  const { signature, eventId, eventType } = rules
  const [secret] = secretsAt(nowMs)
  if (secret === undefined || keyOf(signature, secret) === undefined) {
    const reason = secret === undefined ? 'it has none yet' : 'it cannot be used for its signature'
    throw new ConnectError('receiver_secret_invalid', {
      details: { sender: `the receiver ${name}`, reason },
    })
  }
  const id = `test_${randomUUID()}`
  const isForm = [eventId, eventType].some((place) => pointerInForm(place ?? '') !== undefined)
  const contentType = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
  const headers: Record<string, string> = { 'content-type': contentType }
  let event = body
  const put = (place: string, text: string): void => {
    const pointer = pointerInForm(place) ?? place
    if (place.startsWith('header:')) headers[place.slice('header:'.length)] = text
    else if (valueAt(event, parsePointer(pointer)) === undefined)
      event = withValue(event, pointer, text)
  }
  put(eventId, id)
  if (eventType !== null) put(eventType, testType)
  const time = signature.timestamp
  if (time?.from.startsWith('/') === true)
    event = withValue(event, time.from, time.unit === 'ms' ? nowMs : Math.floor(nowMs / 1000))
  const bytes = Buffer.from(isForm ? formOf(event) : JSON.stringify(event))
  const signed = signedHeaders(signature, bytes, { secret, nowMs, id })
  return {
    rawHeaders: Object.entries({ ...headers, ...signed }).flat(),
    body: bytes,
  }
}

/** A field that is no text is JSON. */
function formOf(event: JsonValue): string {
  const fields = isJsonObject(event) ? Object.entries(event) : []
  const form = new URLSearchParams()
  for (const [name, value] of fields)
    form.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  return form.toString()
}

/**
 * A copy with the value at the pointer. A value on the way there that is not an object is replaced by one.
 */
function withValue(root: JsonValue, pointer: string, value: JsonValue): JsonObject {
  const [name = '', ...rest] = parsePointer(pointer)
  const object = isJsonObject(root) ? root : {}
  if (rest.length === 0) return { ...object, [name]: value }
  const inner = own(object, name) ?? {}
  return { ...object, [name]: withValue(inner, formatPointer(rest), value) }
}

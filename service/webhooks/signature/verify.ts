import { timingSafeEqual } from 'node:crypto'
import type { WebhookSignature } from '../../../connectors/webhook-signature.ts'
import { parsePointer } from '../../../lib/text/json-pointer.ts'
import { isJsonObject, own, type JsonValue } from '../../../protocol/index.ts'
import { hmacOf, isIdBounded, keyOf, type SignedFacts } from './hmac.ts'

/** A delivery as it came: nothing has parsed its body. */
export interface SignedRequest {
  /**
   * The value of a header by its name in lower case, or undefined. If a header came twice: both values, as
   * `a, b`.
   */
  readonly header: (name: string) => string | undefined
  readonly body: Uint8Array
}

export interface VerifyOptions {
  /** More than one while a secret is exchanged for another. */
  readonly secrets: readonly string[]
  readonly nowMs: number
  /** How far the time of sending may be from now, in both directions. */
  readonly windowMs: number
  /** Default: `hmacOf`. */
  readonly hmac?: typeof hmacOf
}

export type SignatureProblem =
  | 'signature_missing'
  | 'signature_malformed'
  | 'signature_wrong'
  | 'id_ambiguous'
  | 'timestamp_missing'
  | 'timestamp_outside_window'

/** A header of a vendor has one signature for each secret that is valid at a time. */
const maxSignatures = 8

/**
 * Undefined if the delivery is genuine: one of its signatures was made with one of the secrets, and it was
 * sent in the window. `id_ambiguous`: it is signed, but the end of its id cannot be determined.
 */
export function problemOf(
  signature: WebhookSignature,
  request: SignedRequest,
  { secrets, nowMs, windowMs, hmac = hmacOf }: VerifyOptions,
): SignatureProblem | undefined {
  const value = request.header(signature.header)
  if (value === undefined || value === '') return 'signature_missing'
  const given = signaturesIn(signature, value)
  if (given.length === 0 || given.length > maxSignatures) return 'signature_malformed'
  const timestamp = signedTimestamp(signature, request, value)
  if (timestamp === undefined) return 'timestamp_missing'
  const id = signature.idHeader === null ? '' : request.header(signature.idHeader)
  if (id === undefined || (id === '') !== (signature.idHeader === null))
    return 'signature_malformed'
  if (!isSigned(signature, { given, secrets, body: request.body, facts: { timestamp, id }, hmac }))
    return 'signature_wrong'
  if (!isIdBounded(signature, id)) return 'id_ambiguous'
  return timeProblem(signature, { request, timestamp, nowMs, windowMs })
}

/** Those of the scheme; others, such as those of a later version, say nothing. */
function signaturesIn({ form, prefix }: WebhookSignature, value: string): readonly string[] {
  if (form === 'pairs') return pairsIn(value, prefix)
  const parts = form === 'list' ? value.split(' ') : [value]
  return parts.filter((part) => part.startsWith(prefix)).map((part) => part.slice(prefix.length))
}

function pairsIn(value: string, name: string): readonly string[] {
  return value
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
}

/**
 * The text of the time that is signed; empty if none is, or if it stands in the body, which is signed as a
 * whole.
 */
function signedTimestamp(
  { timestamp }: WebhookSignature,
  { header }: SignedRequest,
  value: string,
): string | undefined {
  if (timestamp === null || timestamp.from.startsWith('/')) return ''
  const [place, name = ''] = timestamp.from.split(':')
  if (place === 'header') return header(name) === '' ? undefined : header(name)
  // If there are two, it is unknown which of them is signed.
  const [first, ...more] = pairsIn(value, name)
  return more.length === 0 && first !== '' ? first : undefined
}

function isSigned(
  signature: WebhookSignature,
  {
    given,
    secrets,
    body,
    facts,
    hmac,
  }: {
    readonly given: readonly string[]
    readonly secrets: readonly string[]
    readonly body: Uint8Array
    readonly facts: SignedFacts
    readonly hmac: typeof hmacOf
  },
): boolean {
  const expected = secrets.flatMap((secret) => {
    const key = keyOf(signature, secret)
    return key === undefined ? [] : [hmac(signature, { key, body, facts })]
  })
  // Every pair is compared, so that the time does not reveal which signature matched.
  const matches = expected.flatMap((right) => given.map((text) => isEqual(right, text)))
  return matches.includes(true)
}

function isEqual(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function timeProblem(
  { timestamp }: WebhookSignature,
  {
    request,
    timestamp: text,
    nowMs,
    windowMs,
  }: {
    readonly request: SignedRequest
    readonly timestamp: string
    readonly nowMs: number
    readonly windowMs: number
  },
): SignatureProblem | undefined {
  if (timestamp === null) return undefined
  const isInBody = timestamp.from.startsWith('/')
  const time = isInBody ? timeInBody(request.body, timestamp.from) : timeOf(text)
  if (time === undefined) return 'timestamp_missing'
  const sentMs = timestamp.unit === 's' ? time * 1000 : time
  return Math.abs(nowMs - sentMs) <= windowMs ? undefined : 'timestamp_outside_window'
}

function timeOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** The body is genuine by then, so parsing it is safe. */
function timeInBody(body: Uint8Array, pointer: string): number | undefined {
  let value: JsonValue | undefined
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8')) as JsonValue
  } catch {
    return undefined
  }
  for (const name of parsePointer(pointer))
    value = isJsonObject(value) ? own(value, name) : undefined
  return typeof value === 'number' ? value : timeOf(typeof value === 'string' ? value : '')
}

import { createHash } from 'node:crypto'
import type { HttpRequest } from '../../manifest-interpreter/http/http-request.ts'
import { standardHeaders } from '../../manifest-interpreter/http/standard-headers.ts'
import { isJsonList, isJsonObject, type JsonValue } from '../../protocol/index.ts'
import type { ActionRequest, RequestBody, RequestFields } from '../action.ts'
import type { PreviewOptions, ShownRequest } from '../connector.ts'
import type { VendorApi } from './vendor-api.ts'

/** The request as it goes on the wire, without its authorization. */
export function toHttpRequest(request: ActionRequest): HttpRequest {
  const { method, query, headers = {}, body } = request
  const all = new Map(Object.entries(headers))
  if (body !== undefined) all.set('Content-Type', contentTypes[body.kind](body))
  return {
    method,
    url: urlWith(request.url, query),
    headers: all,
    body: bodyText(body),
    // Another server's response would be taken for the vendor's.
    staysAtOrigin: true,
    ...(method !== 'GET' && { staysWhole: true }),
  }
}

/** The same request for people. `authorization` stands in the place of the header that the client adds. */
export function showRequest(request: ActionRequest, authorization: string): ShownRequest {
  const { method, url, headers } = toHttpRequest(request)
  const { body, isUnauthorized = false } = request
  const named = new Set([...headers.keys()].map((name) => name.toLowerCase()))
  const standard = Object.entries(standardHeaders).filter(
    ([name]) => !named.has(name.toLowerCase()),
  )
  return {
    method,
    url,
    headers: {
      ...Object.fromEntries(standard),
      ...Object.fromEntries(headers),
      ...(!isUnauthorized && { Authorization: authorization }),
    },
    ...(body !== undefined && { body: shownBody(body) }),
  }
}

const contentTypes = {
  json: () => 'application/json; charset=utf-8',
  form: () => 'application/x-www-form-urlencoded',
  bytes: (body: RequestBody) => (body.kind === 'bytes' ? body.contentType : ''),
} as const

function urlWith(url: string, query: RequestFields | undefined): string {
  const text = query === undefined ? '' : encodeFields(query)
  return text === '' ? url : `${url}?${text}`
}

function bodyText(body: RequestBody | undefined): string | Uint8Array | null {
  switch (body?.kind) {
    case undefined:
      return null
    case 'json':
      return JSON.stringify(body.value)
    case 'form':
      return encodeFields(body.fields)
    case 'bytes':
      return body.bytes
  }
}

function shownBody(body: RequestBody): JsonValue {
  switch (body.kind) {
    case 'json':
      return body.value
    case 'form':
      return encodeFields(body.fields)
    case 'bytes':
      return {
        bytes: body.bytes.length,
        sha256: createHash('sha256').update(body.bytes).digest('hex'),
      }
  }
}

/**
 * As Stripe and PHP read them: `a[b]=c`, `a[0]=c`. Null and undefined are left out, and so is what is empty.
 */
export function encodeFields(fields: RequestFields): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) => fieldPairs(name, value))
  return new URLSearchParams(pairs).toString()
}

function fieldPairs(name: string, value: JsonValue | undefined): [name: string, text: string][] {
  if (value === null || value === undefined) return []
  if (isJsonList(value))
    return value.flatMap((item, index) => fieldPairs(`${name}[${String(index)}]`, item))
  if (isJsonObject(value))
    return Object.entries(value).flatMap(([key, item]) => fieldPairs(`${name}[${key}]`, item))
  return [[name, String(value)]]
}

/**
 * The vendor does a call with the same key once. Reads and deletions have none: repeated, they change nothing
 * more.
 */
export function withKey(
  request: ActionRequest,
  { idempotencyHeader }: Pick<VendorApi, 'idempotencyHeader'>,
  { idempotencyKey }: PreviewOptions,
): ActionRequest {
  const { method } = request
  if (idempotencyHeader === undefined || method === 'GET' || method === 'DELETE') return request
  return { ...request, headers: { ...request.headers, [idempotencyHeader]: idempotencyKey } }
}

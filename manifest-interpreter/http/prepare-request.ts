import type { HttpRequest } from './http-request.ts'
import { entries, isDict, isEmpty } from '../value/dict.ts'
import { dumpJson } from '../value/json-dumps.ts'
import { valueError } from '../value/python-error.ts'
import { str } from '../value/text.ts'
import { PyTuple, type Dict, type Value } from '../value/value.ts'
import { encodeForm, encodeUrl } from './encode-url.ts'

export interface RequestParts {
  readonly method: string
  readonly url: string
  readonly headers: Dict
  readonly params: Dict
  /** A dict is sent as a form, a text as it is. */
  readonly bodyData?: Dict | string
  readonly bodyJson?: Dict
  readonly connectTimeoutMs?: number
  readonly readTimeoutMs?: number
}

/**
 * The request as Python's `requests` prepares it. Throws a UrlError, or a PythonError if it cannot be sent.
 */
export function prepareRequest(parts: RequestParts): HttpRequest {
  const headers = new Map<string, string>()
  for (const [name, value] of entries(parts.headers))
    setHeader(headers, validName(str(name)), validValue(str(name), str(value)))
  const { body, contentType } = encodeBody(parts.bodyData, parts.bodyJson)
  if (contentType !== undefined && header(headers, 'content-type') === undefined)
    headers.set('Content-Type', contentType)
  return {
    method: parts.method.toUpperCase(),
    url: encodeUrl(parts.url, parts.params),
    headers,
    body,
    ...(parts.connectTimeoutMs !== undefined && { connectTimeoutMs: parts.connectTimeoutMs }),
    ...(parts.readTimeoutMs !== undefined && { readTimeoutMs: parts.readTimeoutMs }),
  }
}

/** Sets a header and replaces a header with the same name in any case. */
export function setHeader(headers: Map<string, string>, name: string, value: string): void {
  const lower = name.toLowerCase()
  for (const present of headers.keys()) if (present.toLowerCase() === lower) headers.delete(present)
  headers.set(name, value)
}

/** The value of a header, by its name in any case. */
export function header(headers: ReadonlyMap<string, string>, name: string): string | undefined {
  const lower = name.toLowerCase()
  for (const [present, value] of headers) if (present.toLowerCase() === lower) return value
  return undefined
}

function encodeBody(
  data: Dict | string | undefined,
  json: Dict | undefined,
): { readonly body: string | null; readonly contentType?: string } {
  if (json !== undefined && !isEmpty(json)) {
    if (hasNonFinite(json)) throw valueError('Out of range float values are not JSON compliant')
    return { body: dumpJson(json), contentType: 'application/json' }
  }
  if (data === undefined || data === '') return { body: null }
  if (typeof data === 'string') return { body: data }
  if (isEmpty(data)) return { body: null }
  return { body: encodeForm(data), contentType: 'application/x-www-form-urlencoded' }
}

function hasNonFinite(value: Value): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  if (Array.isArray(value)) return value.some(hasNonFinite)
  if (value instanceof PyTuple) return value.items.some(hasNonFinite)
  return isDict(value) && entries(value).some(([, item]) => hasNonFinite(item))
}

function validName(name: string): string {
  if (!/^[^:\s][^:\r\n]*$/.test(name))
    throw valueError('A header of the request has an invalid name.')
  return name
}

function validValue(name: string, value: string): string {
  if (!/^(?:\S[^\r\n]*)?$/.test(value)) {
    throw valueError(
      `The header ${name} has an invalid value: it begins with a blank or holds a line break.`,
    )
  }
  return value
}

import { Buffer } from 'node:buffer'
import type { HttpRequest } from './http-request.ts'
import { requote } from './encode-url.ts'
import type { ResponseHeaders } from './response-headers.ts'
import { joinUrl, publicUrl, splitUrl, unsplitUrl } from './split-url.ts'
import { TransportError } from './transport-error.ts'

const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Headers that say how to respond, or identify the client. */
const HARMLESS_HEADERS = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'connection',
  'content-length',
  'content-type',
  'range',
  'transfer-encoding',
  'user-agent',
])
const BODY_HEADERS = new Set(['content-length', 'content-type', 'transfer-encoding'])

/**
 * The request that a redirect asks for, as Python's `requests` makes it; undefined if the response is none.
 * To another origin only headers go that hold no credentials: a key may be in a header of any name. A body
 * never goes there (`requests` would send it), because it may hold credentials too. Throws a TransportError
 * for such a redirect, and if the request must stay at its origin or whole.
 */
export function redirected(
  request: HttpRequest,
  response: { readonly status: number; readonly headers: ResponseHeaders },
): HttpRequest | undefined {
  const location = response.headers.text('location')
  if (location === undefined || location === '' || !REDIRECTS.has(response.status)) return undefined
  const url = targetUrl(request.url, Buffer.from(location, 'latin1').toString('utf8'))
  const keepsBody = response.status === 307 || response.status === 308
  const method = redirectedMethod(request.method, response.status)
  const leavesOrigin = losesCredentials(request.url, url)
  if (leavesOrigin) requireHarmless(request, { url, keepsBody })
  if (request.staysWhole === true) requireWhole(request, { url, method, keepsBody })
  const headers = new Map(
    [...request.headers].filter(([header]) => {
      const name = header.toLowerCase()
      if (name === 'cookie' || name === 'proxy-authorization') return false
      if (leavesOrigin && !HARMLESS_HEADERS.has(name)) return false
      return keepsBody || !BODY_HEADERS.has(name)
    }),
  )
  return {
    ...request,
    url,
    headers,
    method,
    body: keepsBody ? request.body : null,
  }
}

function requireHarmless(
  { url, body, staysAtOrigin }: HttpRequest,
  target: { readonly url: string; readonly keepsBody: boolean },
): void {
  const sendsBody = target.keepsBody && body !== null && body.length > 0
  if (staysAtOrigin !== true && !sendsBody) return
  const what = staysAtOrigin === true ? 'a request that is for it alone' : 'a request with a body'
  const where = splitUrl(target.url)
  const origin = publicUrl(unsplitUrl({ ...where, path: '', query: '', fragment: '' }))
  throw new TransportError(
    'refused-redirect',
    `${publicUrl(url)} redirects ${what} to another server, ${origin}, which would get its contents. If that is the right one, put its URL into the manifest or the configuration.`,
  )
}

/** A request that arrives without its body, or as a GET, seems to succeed and does nothing. */
function requireWhole(
  { url, method, body }: HttpRequest,
  target: { readonly url: string; readonly method: string; readonly keepsBody: boolean },
): void {
  const losesBody = !target.keepsBody && body !== null && body.length > 0
  if (target.method === method && !losesBody) return
  throw new TransportError(
    'refused-redirect',
    `${publicUrl(url)} has moved to ${publicUrl(target.url)}, and nothing was sent there. Use the new address.`,
  )
}

function redirectedMethod(method: string, status: number): string {
  if ((status === 303 || status === 302) && method !== 'HEAD') return 'GET'
  return status === 301 && method === 'POST' ? 'GET' : method
}

function targetUrl(from: string, location: string): string {
  const { scheme, fragment } = splitUrl(from)
  const target = splitUrl(location.startsWith('//') ? `${scheme}:${location}` : location)
  const url = requote(
    unsplitUrl({ ...target, fragment: target.fragment === '' ? fragment : target.fragment }),
  )
  return target.authority === '' ? joinUrl(from, url) : url
}

/** The host must be the same; from http to https on the standard ports is safe. */
function losesCredentials(from: string, to: string): boolean {
  const old = hostAndPort(from)
  const next = hostAndPort(to)
  if (old.host !== next.host) return true
  if (old.scheme === 'http' && next.scheme === 'https' && old.port === '80' && next.port === '443')
    return false
  return old.scheme !== next.scheme || old.port !== next.port
}

function hostAndPort(url: string): { scheme: string; host: string; port: string } {
  const { scheme, authority } = splitUrl(url)
  const [, host = '', port = ''] =
    /^(.*?)(?::(\d*))?$/.exec(authority.slice(authority.lastIndexOf('@') + 1)) ?? []
  const standard = scheme === 'https' ? '443' : '80'
  return { scheme, host: host.toLowerCase(), port: port === '' ? standard : port }
}

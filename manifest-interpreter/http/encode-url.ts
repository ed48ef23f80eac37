import { Buffer } from 'node:buffer'
import { domainToASCII } from 'node:url'
import { entries, isDict, keys } from '../value/dict.ts'
import { str } from '../value/text.ts'
import { PySet, PyTuple, type Dict, type Value } from '../value/value.ts'
import { splitQuery, unsplitUrl } from './split-url.ts'

/** A URL that Python's `requests` refuses before it sends anything. `name` is its exception's. */
export class UrlError extends Error {
  constructor(name: 'InvalidURL' | 'MissingSchema', message: string) {
    super(message)
    this.name = name
  }
}

/**
 * The URL as Python's `requests` puts it on the wire: path and query percent-encoded once, dot segments
 * resolved, the host in lower case and ASCII, parameters added to the query. A URL of another scheme than
 * http is left as it is.
 */
export function encodeUrl(url: string, params: Dict): string {
  const trimmed = url.trimStart()
  if (trimmed.includes(':') && !trimmed.toLowerCase().startsWith('http')) return trimmed
  const parts = parseUrl(trimmed)
  if (parts.scheme === '') {
    throw new UrlError('MissingSchema', 'The URL has no scheme. Put https:// before it.')
  }
  if (parts.host === '' || /^[*.]/.test(parts.host)) {
    throw new UrlError('InvalidURL', 'The URL has no valid host. Check the base URL.')
  }
  const added = encodeForm(params)
  const query = [parts.query, added].filter((part) => part !== '').join('&')
  const userinfo = parts.userinfo === '' ? '' : `${parts.userinfo}@`
  const port = parts.port === '' ? '' : `:${parts.port}`
  return requote(
    unsplitUrl({
      scheme: parts.scheme,
      authority: `${userinfo}${parts.host}${port}`,
      path: parts.path === '' ? '/' : parts.path,
      query,
      fragment: parts.fragment,
    }),
  )
}

/**
 * `a=1&b=x+y`: query parameters and form bodies. The items of lists are repeated parameters, nulls are left
 * out.
 */
export function encodeForm(form: Dict): string {
  const pairs: string[] = []
  for (const [key, value] of entries(form)) {
    const name = quotePlus(bytesOrText(key))
    for (const item of items(value) ?? [value]) {
      if (item === null) continue
      for (const part of items(item) ?? [item])
        pairs.push(`${name}=${quotePlus(bytesOrText(part))}`)
    }
  }
  return pairs.join('&')
}

/** The parameters of a query, decoded; those without a value are left out. */
export function parseQuery(query: string): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (const part of query.split('&')) {
    const equals = part.indexOf('=')
    if (equals < 0 || equals === part.length - 1) continue
    pairs.push([unquotePlus(part.slice(0, equals)), unquotePlus(part.slice(equals + 1))])
  }
  return pairs
}

/** The parameters without those that the URL's query has already, with the same value. */
export function withoutRepeated(params: Dict, url: string): Dict {
  const present = new Map<string, string>()
  for (const [name, value] of parseQuery(splitQuery(url).query))
    if (!present.has(name)) present.set(name, value)
  if (present.size === 0) return params
  return new Map(
    entries(params).filter(
      ([name, value]) => typeof name !== 'string' || present.get(name) !== str(value),
    ),
  )
}

/**
 * Percent-encodes what a URL may not hold and leaves what is encoded; encoded letters that need not be are
 * decoded.
 */
export function requote(url: string): string {
  if (isAllowed(url, URL_CHARACTERS)) return url
  const decoded = decodeUnreserved(url)
  return decoded === undefined
    ? quote(url, URL_CHARACTERS)
    : quote(decoded, URL_CHARACTERS_AND_PERCENT)
}

/** Percent-encodes as Python's `quote_plus`: UTF-8, a blank becomes a plus sign. */
export function quotePlus(text: string | Uint8Array): string {
  return quote(text, FORM_CHARACTERS).replaceAll(' ', '+')
}

/** Encodes a path and query as Python's `urllib3` does right before they are sent. */
export function encodeTarget(target: string): string {
  const { address, query } = splitQuery(target)
  const path = encodeInvalid(address, PATH_CHARACTERS)
  return query === '' ? path : `${path}?${encodeInvalid(query, QUERY_CHARACTERS)}`
}

const UNRESERVED = /[A-Za-z0-9._~-]/
/** By ASCII code, the characters that stay as they are. */
type CharacterSet = readonly boolean[]
const USERINFO_CHARACTERS = allowing("!$&'()*+,;=:")
const PATH_CHARACTERS = allowing("!$&'()*+,;=:@/")
const QUERY_CHARACTERS = allowing("!$&'()*+,;=:@/?")
const URL_CHARACTERS = allowing("!#$&'()*+,/:;=?@[]")
const URL_CHARACTERS_AND_PERCENT = allowing("!#$%&'()*+,/:;=?@[]")
const FORM_CHARACTERS = allowing(' ')
const IPV4 = /^(?:0[xX][0-9a-fA-F]+|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]+|[0-9]+)){0,3}$/

interface UrlParts {
  readonly scheme: string
  readonly userinfo: string
  readonly host: string
  readonly port: string
  readonly path: string
  readonly query: string
  readonly fragment: string
}

/** RFC 3986 as `urllib3` reads it: parts are encoded on the way. */
function parseUrl(text: string): UrlParts {
  const url = /^(?:[a-zA-Z][a-zA-Z0-9+-]*:|\/)/.test(text) ? text : `//${text}`
  const match =
    /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^\\/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(
      url,
    )
  const [, scheme = '', authority = '', path = '', query = '', fragment = ''] = match ?? []
  const position = authority.lastIndexOf('@')
  const { host, port } = parseHost(authority.slice(position + 1))
  const encoded = encodeInvalid(removeDotSegments(path), PATH_CHARACTERS)
  return {
    scheme: scheme.toLowerCase(),
    userinfo: position < 0 ? '' : encodeInvalid(authority.slice(0, position), USERINFO_CHARACTERS),
    host,
    port,
    path: encoded === '' || encoded.startsWith('/') ? encoded : `/${encoded}`,
    query: encodeInvalid(query, QUERY_CHARACTERS),
    fragment: encodeInvalid(fragment, QUERY_CHARACTERS),
  }
}

function parseHost(text: string): { host: string; port: string } {
  const match =
    /^((?:[^[\]%:/?#]|%[a-fA-F0-9]{2})*|\[[0-9a-fA-F:.]+(?:%[^\]]+)?\])(?::0*?(|0|[1-9][0-9]{0,4}))?$/s.exec(
      text,
    )
  const [, host, port = ''] = match ?? []
  if (host === undefined || Number(port) > 65_535 || hasControls(host))
    throw new UrlError('InvalidURL', 'The URL has no valid host. Check the base URL.')
  return { host: normalizeHost(host), port }
}

function hasControls(text: string): boolean {
  for (const character of text) if (character <= ' ' || character === '\x7f') return true
  return false
}

function normalizeHost(host: string): string {
  if (host === '' || IPV4.test(host)) return host
  if (host.startsWith('[')) return host.toLowerCase()
  const decoded = host.replaceAll(/%[a-fA-F0-9]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    if (character < ' ' || character === '\x7f')
      throw new UrlError('InvalidURL', 'The host of the URL holds a control character.')
    return UNRESERVED.test(character) ? character : escape.toUpperCase()
  })
  if (isAscii(decoded))
    return decoded.toLowerCase().replaceAll(/%[a-f0-9]{2}/g, (escape) => escape.toUpperCase())
  const ascii = domainToASCII(decoded.toLowerCase())
  if (ascii === '') throw new UrlError('InvalidURL', 'The URL has an invalid host name.')
  return ascii
}

function isAscii(text: string): boolean {
  for (let position = 0; position < text.length; position += 1)
    if (text.charCodeAt(position) > 0x7f) return false
  return true
}

function removeDotSegments(path: string): string {
  const output: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '.') continue
    if (segment === '..') output.pop()
    else output.push(segment)
  }
  if (path.startsWith('/') && output[0] !== '') output.unshift('')
  if (path.endsWith('/.') || path.endsWith('/..')) output.push('')
  return output.join('/')
}

/** A percent sign stays if all of them begin an escape; otherwise all are encoded. */
function encodeInvalid(text: string, allowed: CharacterSet): string {
  if (isAllowed(text, allowed)) return text
  let escapes = 0
  const upper = text.replaceAll(/%[a-fA-F0-9]{2}/g, (escape) => {
    escapes += 1
    return escape.toUpperCase()
  })
  const encoded = escapes === upper.split('%').length - 1
  return encoded
    ? upper
        .split('%')
        .map((part) => quote(part, allowed))
        .join('%')
    : quote(upper, allowed)
}

/** Undefined if a percent sign is followed by letters that are no escape. */
function decodeUnreserved(url: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})[\p{L}\p{N}]{2}/u.test(url)) return undefined
  return url.replaceAll(/%[0-9a-fA-F]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return UNRESERVED.test(character) ? character : escape
  })
}

function allowing(characters: string): CharacterSet {
  return Array.from({ length: 128 }, (_, code) => {
    const character = String.fromCharCode(code)
    return UNRESERVED.test(character) || characters.includes(character)
  })
}

function quote(text: string | Uint8Array, allowed: CharacterSet): string {
  if (typeof text === 'string' && isAllowed(text, allowed)) return text
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text
  if (bytes.every((byte) => allowed[byte] === true)) return Buffer.from(bytes).toString('latin1')
  let quoted = ''
  for (const byte of bytes)
    quoted += allowed[byte] === true ? String.fromCharCode(byte) : percent(byte)
  return quoted
}

/** Most texts are: each request of a stream has a URL of a dozen of them. */
function isAllowed(text: string, allowed: CharacterSet): boolean {
  for (let position = 0; position < text.length; position += 1)
    if (allowed[text.charCodeAt(position)] !== true) return false
  return true
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

/** The items over which Python would loop; undefined for a single value. */
function items(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value
  if (value instanceof PyTuple || value instanceof PySet) return value.items
  return isDict(value) ? keys(value) : undefined
}

function bytesOrText(value: Value): string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array ? value : str(value)
}

function unquotePlus(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  return spaced.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}

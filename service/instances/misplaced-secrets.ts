import { formatPointer } from '../../lib/text/json-pointer.ts'
import type { ConnectorDescriptor } from '../../connectors/connector.ts'
import {
  isJsonList,
  isJsonObject,
  ConnectError,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { secretFieldsOf } from '../platform/secrets/secret-field-list.ts'

/**
 * Refuses credentials in fields that are not secret: the metadata database would store them, and everybody
 * who may see the instance would see them. `config` is the configuration without its secrets. Throws
 * `instance_config_invalid`, which names the field and never its value.
 */
export function refuseMisplacedSecrets(
  { type, spec }: Pick<ConnectorDescriptor, 'type' | 'spec'>,
  config: JsonObject,
): void {
  for (const { pointer, text } of textsOf(config, [])) {
    const credential = credentialIn(text) ?? (isAddress(pointer) ? userIn(text.trim()) : undefined)
    if (credential === undefined) continue
    const fields = secretFieldsOf(spec)
    const fix =
      fields.length === 0
        ? 'this connector has no field for secrets'
        : `put secrets into ${fields.map((field) => `\`${field}\``).join(', ')}`
    const problem = `\`${pointer}\` is stored and shown as it is, and it holds ${credential}: ${fix}`
    throw new ConnectError('instance_config_invalid', { details: { type, problem } })
  }
}

interface ConfigText {
  readonly pointer: string
  readonly text: string
}

function textsOf(value: JsonValue, path: readonly string[]): readonly ConfigText[] {
  if (typeof value === 'string') return [{ pointer: formatPointer(path), text: value }]
  if (isJsonList(value))
    return value.flatMap((item, index) => textsOf(item, [...path, String(index)]))
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([name, item]) => textsOf(item, [...path, name]))
}

const secretParameter = /^(?:.*[_-])?(?:api_?key|token|secret|password|passwd|pwd|signature)$/i

/** Prefixes that vendors and standards use for secrets. */
const secretForms: readonly (readonly [form: RegExp, what: string])[] = [
  [/-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/, 'a private key'],
  [/^(?:Bearer|Basic)\s+[\w.~+/=-]{8,}$/i, 'an HTTP authorization'],
  [/^eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}$/, 'a signed token'],
  [/^(?:sk|rk)_(?:live|test)_\w{8,}$/, 'an API key'],
  [
    /^(?:gh[opsu]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,})$/,
    'an API key',
  ],
  [/(?:^|[\s;,?&])(?:password|passwd|pwd)\s*=\s*\S/i, 'a password'],
]

function credentialIn(stored: string): string | undefined {
  const text = stored.trim()
  return (
    urlCredential(text) ??
    queryCredential(text) ??
    secretForms.find(([form]) => form.test(text))?.[1]
  )
}

/** Whether a field of that name, or a list in it, contains the address of a server or a part of it. */
function isAddress(pointer: string): boolean {
  return /(?:host|server|addr|url|uri|endpoint|domain|dsn|database|connection)[^/]*(?:\/\d+)*$/i.test(
    pointer,
  )
}

/**
 * `user:password@host` without the beginning of a URL. In other fields it may be anything: an image with its
 * digest, `user:ada@b`.
 */
function userIn(text: string): string | undefined {
  const isUserFirst =
    /^(?!(?:mailto|acct|sips?|xmpp):)[^\s:/?#@[\]]+:(?!\/\/)(?!\d{1,5}[/?#])[^\s]*@[^\s@]+$/i.test(
      text,
    )
  return isUserFirst ? 'a user name and password' : undefined
}

/** After the name of a database, or a path. */
function queryCredential(text: string): string | undefined {
  const [, query = ''] = /^[^\s?:]*\?(\S*)$/.exec(text) ?? []
  const parameter = secretIn(query)
  return parameter === undefined ? undefined : `\`${parameter}\` behind a \`?\``
}

function secretIn(query: string): string | undefined {
  return [...new URLSearchParams(query)].find(
    ([name, value]) => value !== '' && secretParameter.test(name),
  )?.[0]
}

/** Also checks the raw text: a password with odd characters makes it an invalid URL, but is still in it. */
function urlCredential(text: string): string | undefined {
  const isUserFirst = /^(?:jdbc:)?[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(text)
  if (isUserFirst || text.split(/\s/).some(holdsPassword))
    return 'a user name or password in its URL'
  const [, query = ''] = /^(?:jdbc:)?[a-z][a-z0-9+.-]*:\/\/[^?#]*\?([^#]*)/i.exec(text) ?? []
  const parameter = secretIn(query)
  return parameter === undefined ? undefined : `\`${parameter}\` in its URL`
}

/** `://user:password@`, whatever the password holds; a port is no password, and a path may have an `@`. */
function holdsPassword(word: string): boolean {
  return word
    .split('://')
    .slice(1)
    .some((rest) => {
      const user = rest.slice(0, Math.max(0, rest.lastIndexOf('@')))
      return /^[^/?#@:[]*:(?!\d{1,5}(?:[/?#]|$))/.test(user)
    })
}

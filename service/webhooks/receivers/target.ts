import { z } from 'zod'
import { functionNameOf } from '../../../lib/net/function-address.ts'
import { splitKey } from './masked-target.ts'

/**
 * Where events of a receiver go, as text: `job:NAME`, `function:NAME`, `topic:NAME`, `url:https://…`,
 * `stream:CONNECTION/STREAM`.
 */
export type Target =
  | { readonly kind: 'job'; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'topic'; readonly name: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'stream'; readonly connection: string; readonly stream: string }

const namePattern = /^[A-Za-z0-9_-]{1,63}$/
/** As Kafka has them, with room for what the service puts before it. */
const topicPattern = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}$/

/** Undefined if the text is no target. Of one whose address is in the vault, `url` is what is shown. */
export function parseTarget(stored: string): Target | undefined {
  const text = splitKey(stored).shown
  const colon = text.indexOf(':')
  const [kind, rest] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)]
  if (kind === 'job') return namePattern.test(rest) ? { kind, name: rest } : undefined
  if (kind === 'function') {
    const name = functionNameOf(text)
    return name === undefined ? undefined : { kind, name }
  }
  if (kind === 'topic') return topicPattern.test(rest) ? { kind, name: rest } : undefined
  if (kind === 'url') return isHttpUrl(rest) ? { kind, url: rest } : undefined
  if (kind === 'stream') {
    const slash = rest.indexOf('/')
    const [connection, stream] = [rest.slice(0, Math.max(slash, 0)), rest.slice(slash + 1)]
    return namePattern.test(connection) && stream !== '' ? { kind, connection, stream } : undefined
  }
  return undefined
}

/** `stream:CONNECTION/*`: the only targets that a connection may rely on instead of its schedule. */
export function isWholeConnection(text: string): boolean {
  const target = parseTarget(text)
  return target?.kind === 'stream' && target.stream === '*'
}

/** Without a login: that is a secret, which belongs into the vault. */
function isHttpUrl(text: string): boolean {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false
  const { username, password, hash } = new URL(text)
  return username === '' && password === '' && hash === ''
}

export const targetText = z
  .string()
  .min(1)
  .max(1_000)
  .refine(
    (text) => parseTarget(text) !== undefined && splitKey(text).key === undefined,
    'must be job:NAME, function:NAME, topic:NAME, stream:CONNECTION/STREAM, or url: and an http or https address without a login',
  )
  .meta({ examples: ['job:process-stripe-event', 'url:https://example.com/hooks'] })

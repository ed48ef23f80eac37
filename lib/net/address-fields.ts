import { z } from 'zod'

// Texts and addresses in configurations. Messages continue the name of the field ("must be …").

export const text = z
  .string('must be text')
  .trim()
  .min(1, 'must not be empty')
  .max(10_000, 'is too long')

export const bindAddress = text.transform((value, context) => {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(value)
  const port = Number(match?.[3])
  if (match !== null && port <= 65_535) return { host: match[1] ?? match[2] ?? '', port }
  context.addIssue('must be HOST:PORT')
  return z.NEVER
})

/** As text, for a client that wants it so. */
export const hostAndPort = bindAddress.transform(({ host, port }) =>
  host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`,
)

/** Without a slash at its end. */
export const httpUrl = text.transform((value, context) => {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    context.addIssue('must begin with http:// or https://')
    return z.NEVER
  }
  if (url.username !== '' || url.password !== '') {
    context.addIssue('must not hold a user or password: the key is a setting of its own')
    return z.NEVER
  }
  return url.href.replace(/\/+$/, '')
})

/** An address below which paths are asked for. */
export const baseUrl = httpUrl.refine(
  (value) => !/[?#]/.test(value),
  'must have no query: what is asked for is put behind it',
)

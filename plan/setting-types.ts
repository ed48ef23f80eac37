import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { httpUrl, text } from '../lib/net/address-fields.ts'
import { isLoopback } from '../lib/net/loopback.ts'
import { defaultSsl } from '../postgres/address.ts'
import { parsePostgresUrl } from '../postgres/url.ts'
import { parsePlaceUrl } from '../sinks/registry.ts'

/**
 * The types of settings. Each accepts TOML values and the text of an environment variable; messages continue
 * the setting's name ("must be …").
 */

/** A token or key that goes into a header of HTTP: an error about any other character would repeat it. */
export const headerToken = text.regex(
  /^[\x21-\x7e]*$/,
  'must be one word of letters, digits and other ASCII characters',
)

/** As S3 names buckets. */
export const bucketName = text.regex(
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  'must have 3 to 63 small letters, digits, `-` and `.`',
)

/** Resolved against the folder that the process was started in. */
export function folder(): z.ZodType<string> {
  return text.transform((value) => resolve(value))
}

export function choice<const Options extends readonly [string, ...string[]]>(
  options: Options,
): z.ZodEnum<{ [Option in Options[number]]: Option }> {
  return z.enum(options, `must be ${options.join(', ')}`.replace(/, ([^,]*)$/, ' or $1'))
}

export const flag = z.preprocess(
  (value) => (value === 'true' || value === 'false' ? value === 'true' : value),
  z.boolean('must be true or false'),
)

export function wholeNumber(min: number, max: number): z.ZodPreprocess<z.ZodNumber> {
  const message = `must be a whole number from ${String(min)} to ${String(max)}`
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z.int(message).min(min, message).max(max, message),
  )
}

/** `a, b` or a list. */
export function listOf<Item extends z.ZodType>(item: Item): z.ZodPreprocess<z.ZodArray<Item>> {
  return z.preprocess(
    (value) =>
      typeof value === 'string'
        ? value
            .split(',')
            .map((part) => part.trim())
            .filter(Boolean)
        : value,
    z.array(item, 'must be a list').max(1_000, 'has too many items'),
  )
}

/** For tokens and passwords, or keys that verify them: plain http only to this machine. */
export const secureUrl = httpUrl.refine((value) => {
  const { protocol, hostname } = new URL(value)
  return protocol === 'https:' || isLoopback(hostname)
}, 'must begin with https:// (http:// only for this machine)')

/** A place that connections may load into, with its login. */
export const placeUrl = text.transform((value, context) => {
  const place = parsePlaceUrl(value)
  if (!('problem' in place)) return place
  context.addIssue(place.problem)
  return z.NEVER
})

/** The address of a destination, parsed for the sink. */
export const postgresAddress = text.transform((value, context) => {
  const parts = parsePostgresUrl(value)
  if ('problem' in parts) {
    context.addIssue(parts.problem)
    return z.NEVER
  }
  const { host, user, database, port = 5432 } = parts
  if (host === undefined || user === undefined || database === undefined) {
    context.addIssue('lacks the host, user or database')
    return z.NEVER
  }
  return { ...parts, host, user, database, port, ssl: parts.ssl ?? defaultSsl(host) }
})

/** A URL for the driver, which supports more parameters than a destination has. */
export const postgresUrl = text.refine(
  (value) => /^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? ''),
  'must begin with postgres:// and be a URL (encode special characters of the password)',
)

export const absoluteFolder = text.refine(
  (value) => value.startsWith('/'),
  'must be folders such as /var/run/postgresql',
)

export const network = text.refine((value) => {
  const [address = '', bits = '', ...rest] = value.split('/')
  if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false
  return Number(bits) <= (isIP(address) === 4 ? 32 : 128)
}, 'must be networks such as 10.1.0.0/16')

const namedUrl = /^([A-Za-z0-9_-]{1,63})\s*=\s*(.+)$/

/** A table, or `a=http://…, b=http://…`. */
export const namedUrls = z.preprocess(
  (value) => (typeof value === 'string' ? urlsOf(value) : value),
  z
    .record(
      z.string().regex(/^[A-Za-z0-9_-]{1,63}$/),
      httpUrl,
      'must be a table, or text such as NAME=http://…',
    )
    .refine((urls) => Object.keys(urls).length <= 1_000, 'has too many items'),
)

function urlsOf(value: string): unknown {
  const pairs = value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => namedUrl.exec(part))
  if (pairs.includes(null)) return value
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']))
}

import { sslModes, type PostgresAddress } from './address.ts'

/** A problem of a URL. Never contains the URL itself, which holds a password. */
export interface PostgresUrlProblem {
  readonly problem: string
  readonly fix: string
}

const example =
  'Write `postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require`; encode special characters of the password (`@` as `%40`).'

/** The parts that `postgres://user:password@host:port/database?sslmode=…` has; all of them may be missing. */
export function parsePostgresUrl(text: string): Partial<PostgresAddress> | PostgresUrlProblem {
  const url = URL.parse(text)
  if (url === null) return { problem: 'is not a URL', fix: example }
  if (!/^postgres(ql)?:$/.test(url.protocol))
    return { problem: 'does not begin with postgres://', fix: example }
  const unknown = [...url.searchParams.keys()].find((name) => name !== 'sslmode')
  if (unknown !== undefined) {
    const fix = 'Remove the parameter: only `sslmode` is understood.'
    return { problem: `has the unknown parameter ${unknown}`, fix }
  }
  const mode = url.searchParams.get('sslmode') ?? ''
  const ssl = sslModes.find((known) => known === mode)
  if (ssl === undefined && mode !== '')
    return { problem: 'has an unknown sslmode', fix: `Use sslmode=${sslModes.join(' or ')}.` }
  try {
    return { ...partsOf(url), ...(ssl !== undefined && { ssl }) }
  } catch (error) {
    if (error instanceof URIError)
      return { problem: 'holds a `%` that encodes nothing', fix: example }
    throw error
  }
}

function partsOf(url: URL): Partial<PostgresAddress> {
  const texts = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    user: url.username,
    password: url.password,
    database: url.pathname.slice(1),
  }
  const present = Object.entries(texts).filter(([, text]) => text !== '')
  return {
    ...Object.fromEntries(present.map(([name, text]) => [name, decodeURIComponent(text)])),
    ...(url.port !== '' && { port: Number(url.port) }),
  }
}

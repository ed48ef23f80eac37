import type { RunFile } from './run-file-schema.ts'

type Destination = RunFile['destination']
type Address = Omit<Destination['config'], 'schema'>

/** Something wrong with the address: `field` is below `destination`. Never shows the URL, it holds a password. */
export interface AddressProblem {
  readonly field: readonly string[]
  readonly problem: string
  readonly fix: string
}

const example =
  'Write `postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require`; encode special characters of the password (`@` as `%40`).'

/** The parts of `postgres://user:password@host:port/database?sslmode=…`. */
export function parsePostgresUrl(text: string): Address | AddressProblem {
  const wrong = (problem: string, fix = example): AddressProblem => ({
    field: ['url'],
    problem,
    fix,
  })
  const url = URL.parse(text)
  if (url === null) return wrong('is not a URL')
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')
    return wrong('does not begin with postgres://')
  const unknown = [...url.searchParams.keys()].find((key) => key !== 'sslmode')
  if (unknown !== undefined)
    return wrong(
      `has the unknown parameter ${unknown}`,
      'Remove the parameter: only `sslmode` is understood.',
    )
  const mode = sslModes[url.searchParams.get('sslmode') ?? '']
  if (mode === undefined)
    return wrong('has an unknown sslmode', 'Use sslmode=disable, require or verify-full.')
  try {
    const part = (encoded: string): string | undefined =>
      encoded === '' ? undefined : decodeURIComponent(encoded)
    return withoutUndefined({
      host: part(url.hostname.replace(/^\[(.*)\]$/, '$1')),
      port: url.port === '' ? undefined : Number(url.port),
      user: part(url.username),
      password: part(url.password),
      database: part(url.pathname.slice(1)),
      ssl: mode === '' ? undefined : mode,
    })
  } catch (error) {
    if (error instanceof URIError) return wrong('holds a `%` that encodes nothing')
    throw error
  }
}

/** `prefer` and `allow` of libpq (maybe encrypted) are refused: a run is encrypted or it is not. */
const sslModes: Readonly<Record<string, 'disable' | 'require' | 'verify-full' | ''>> = {
  '': '',
  disable: 'disable',
  require: 'require',
  'verify-full': 'verify-full',
}

function withoutUndefined(address: { [Key in keyof Address]: Address[Key] | undefined }): Address {
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value !== undefined))
}

import { expect, test } from 'vitest'
import { parsePostgresConfig, postgresSpec } from '../../connectors/postgres/config.ts'

const least = { host: 'db.example.com', user: 'reader', database: 'shop' }

test('the defaults fill in what is left out', () => {
  expect(parsePostgresConfig(least)).toEqual({
    ...least,
    port: 5432,
    ssl: 'require',
    parallel: 4,
    range_rows: 200_000,
    state_rows: 50_000,
    on_lost_snapshot: 'restart',
    replication: 'cursor',
    slot: 'reactor_connect',
    publication: 'reactor_connect',
    on_lost_slot: 'snapshot',
    at_max_slot_wal: 'stop',
  })
})

test.each([
  ['localhost', undefined, 'disable'],
  ['127.0.0.1', undefined, 'disable'],
  ['::1', undefined, 'disable'],
  ['127.example.com', undefined, 'require'],
  ['10.0.0.5', undefined, 'require'],
  ['localhost', 'PEM', 'verify-full'],
])('a connection to %s with authority %s has by default the encryption %s', (host, ca, ssl) => {
  const config = { ...least, host, ...(ca !== undefined && { ca }) }
  expect(parsePostgresConfig(config).ssl).toBe(ssl)
})

test('every bad field is named with what it must be, and no value is quoted', () => {
  const bad = {
    host: '',
    user: 7,
    password: ['hush'],
    port: 70_000,
    parallel: 0,
    schemas: [],
    extra: 1,
  }
  const problems = (() => {
    try {
      parsePostgresConfig(bad)
      return 'accepted'
    } catch (thrown) {
      return String(thrown)
    }
  })()
  for (const field of [
    'host',
    'user',
    'password',
    'database',
    'port',
    'parallel',
    'schemas',
    'extra',
  ]) {
    expect(problems).toContain(`\`${field}\``)
  }
  expect(problems).not.toContain('hush')
})

test('the specification marks the password as a secret and names what is required', () => {
  expect(postgresSpec.properties).toMatchObject({ password: { airbyte_secret: true } })
  expect(postgresSpec.required).toEqual(['host', 'user', 'database'])
})

test.each(['user:hush@db.example.com', 'postgres://user:hush@db.example.com/shop'])(
  'a host that is the end of a URL is refused without being repeated: %s',
  (host) => {
    const refused = (): unknown => parsePostgresConfig({ ...least, host })
    expect(refused).toThrow(/`host`: must be the host name or address of the server alone/)
    expect(refused).not.toThrow(/hush/)
  },
)

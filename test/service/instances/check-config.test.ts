import { expect, test } from 'vitest'
import { ConnectError, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import { requireAllowedFolder } from '../../../service/instances/allowed-folder.ts'
import { requireAllowedSocket } from '../../../service/instances/allowed-socket.ts'
import { checkConfig } from '../../../service/instances/check-config.ts'
import { refuseMisplacedSecrets } from '../../../service/instances/misplaced-secrets.ts'

const spec: JsonObject = {
  type: 'object',
  required: ['host', 'login', 'key'],
  additionalProperties: false,
  properties: {
    host: { type: 'string', minLength: 1 },
    port: { type: 'integer', maximum: 65_535 },
    day: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}$', pattern_descriptor: 'YYYY-MM' },
    code: { type: 'string', pattern: '^[A-Z]+$', examples: ['EUR'] },
    word: { type: 'string', pattern: '^[a-z]+$' },
    key: { type: 'string', airbyte_secret: true },
    login: {
      type: 'object',
      required: ['user'],
      additionalProperties: false,
      properties: {
        user: { type: 'string' },
        password: { type: 'string', airbyte_secret: true },
      },
    },
  },
}
const good = { host: 'db', login: { user: 'ada' } }

function problemOf(work: () => void): unknown {
  try {
    work()
  } catch (error) {
    if (error instanceof ConnectError) return error.details.problem
    throw error
  }
  return null
}

test.each<[JsonObject, string | null]>([
  [good, null],
  [{ ...good, prt: 1 }, '`/prt` is not a field of this connector. Did you mean `/port`?'],
  [{ ...good, zzzzz: 1, qqqqq: 2 }, '`/zzzzz`, `/qqqqq` are not fields of this connector'],
  [{ host: 'db' }, '`/login` is missing'],
  [{ port: 1 }, '`/host`, `/login` are missing'],
  [{ ...good, login: {} }, '`/login/user` is missing'],
  [
    { ...good, login: { user: 'ada', usr: 'x' } },
    '`/login/usr` is not a field of this connector. Did you mean `/login/user`?',
  ],
  [{ ...good, host: '' }, '`/host` must not be empty'],
  [{ ...good, port: 70_000 }, '`/port` must be at most 65535'],
  [{ ...good, day: 'x' }, '`/day` does not have the form that the connector requires: YYYY-MM'],
  [
    { ...good, code: 'x' },
    '`/code` does not have the form that the connector requires, such as EUR',
  ],
  [{ ...good, word: 'X' }, '`/word` does not have the form that the connector requires'],
])('the configuration %j is checked with the result: %s', (config, problem) => {
  expect(
    problemOf(() => {
      checkConfig('shop', spec, config)
    }),
  ).toBe(problem)
})

test.each<[JsonObject, JsonValue, string]>([
  [{ type: ['string', 'null'] }, 1, '`/f` must be text or null'],
  [
    { type: ['integer', 'boolean', 'array'] },
    'x',
    '`/f` must be a whole number, true or false or a list',
  ],
  [{ type: 'object' }, 'x', '`/f` must be an object'],
  [{ enum: ['a', true, 1] }, 'x', '`/f` must be one of a, true, 1'],
  [{ const: true }, false, '`/f` must be true'],
  [{ exclusiveMinimum: 1 }, 1, '`/f` must be more than 1'],
  [{ exclusiveMaximum: 1 }, 1, '`/f` must be less than 1'],
  [{ multipleOf: 5 }, 1, '`/f` must be a multiple of 5'],
  [{ uniqueItems: true }, [1, 1], '`/f` holds the same item twice'],
  [{ contains: { const: 1 } }, [2], '`/f` lacks an item that the connector requires'],
  [
    { items: [{}], additionalItems: false },
    [1, 2],
    '`/f` has more items than the connector accepts',
  ],
  [{ minProperties: 2 }, { a: 1 }, '`/f` has too few fields: at least 2'],
  [{ maxProperties: 1 }, { a: 1, b: 1 }, '`/f` has too many fields: at most 1'],
  [{ dependencies: { a: ['b'] } }, { a: 1 }, '`/f/b` is missing: `/f/a` needs it'],
  [{ not: { const: 'x' } }, 'x', '`/f` has a value that the connector does not accept'],
  [
    { patternProperties: { '^s_': {} }, additionalProperties: false },
    { s_ok: 1, bad: 1 },
    '`/f/bad` is not a field of this connector',
  ],
])('a field with the schema %j refuses %j: %s', (schema, value, problem) => {
  expect(
    problemOf(() => {
      checkConfig('shop', { properties: { f: schema } }, { f: value })
    }),
  ).toBe(problem)
})

test('a text of a configuration has a limit', () => {
  const long = (length: number): JsonObject => ({ a: [{ b: 'x'.repeat(length) }] })
  expect(() => {
    checkConfig('shop', {}, long(65_536))
  }).not.toThrow()
  expect(
    problemOf(() => {
      checkConfig('shop', {}, long(65_537))
    }),
  ).toBe('`/a/0/b` is too long: a text has at most 65536 characters')
})

test.each<[JsonObject, string]>([
  [{ pattern: '^(a+)+$' }, 'takes more than 500 ms'],
  [{ pattern: '(' }, 'cannot be read'],
  [{ type: 'txt' }, 'names a type that there is not'],
  [{ $ref: '#/gone' }, 'Unresolvable JSON schema reference: #/gone'],
])('a spec with %j refuses the configuration', (schema, why) => {
  const problem = problemOf(() => {
    checkConfig('shop', { properties: { f: schema } }, { f: `${'a'.repeat(40)}!` })
  })
  expect(problem).toContain("the connector's spec cannot be used to check it. ")
  expect(problem).toContain(why)
  expect(problem).not.toContain('aaa')
})

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N'

test.each<[string, string | null]>([
  ['https://api.example/v1?page=2#at@b', null],
  ['db.example', null],
  ['ada@example.com', null],
  ['mailto:ada@example.com', null],
  ['https://api.example/@ada', null],
  ['The password is set elsewhere', null],
  ['http://ada:planted@api.example', 'a user name or password in its URL'],
  ['https://planted@api.example/v1', 'a user name or password in its URL'],
  ['postgres://u:pl#nted@db/shop', 'a user name or password in its URL'],
  ['https://ada:pla/nted@db/shop', 'a user name or password in its URL'],
  [' https://ada:planted@db', 'a user name or password in its URL'],
  ['\thttps://planted@db', 'a user name or password in its URL'],
  ['jdbc:postgresql://ada:planted@db/shop', 'a user name or password in its URL'],
  ['jdbc:postgresql://planted@db/shop', 'a user name or password in its URL'],
  ['first a, then https://ada:pla?nted@db', 'a user name or password in its URL'],
  ['jdbc:postgresql://db/shop?password=planted', '`password` in its URL'],
  ['host=db;password=planted', 'a password'],
  ['jdbc:sqlserver://db;user=ada;Password = planted', 'a password'],
  ['https://api.example:8080/users/@ada', null],
  ['https://api.example:8080?at=@ada', null],
  ['https://[::1]:8080/@ada', null],
  ['https://api.example/12:30@ada', null],
  ['See https://api.example:8080/v1 or ask ada@example.com', null],
  ['jdbc:postgresql://db:5432/shop', null],
  ['https://api.example/v1?a=1&api_key=planted', '`api_key` in its URL'],
  ['https://api.example/v1?X-Amz-Signature=planted', '`X-Amz-Signature` in its URL'],
  ['-----BEGIN RSA PRIVATE KEY-----\nplanted', 'a private key'],
  ['Bearer plantedplanted', 'an HTTP authorization'],
  [jwt, 'a signed token'],
  ['sk_' + 'live_plantedplanted', 'an API key'],
  ['host=db password=planted', 'a password'],
])('a plain field that holds %j is refused because of: %s', (text, what) => {
  const config = { ...good, extra: [{ deep: text }] }
  const problem = problemOf(() => {
    refuseMisplacedSecrets({ type: 'shop', spec }, config)
  })
  const complaint = `\`/extra/0/deep\` is stored and shown as it is, and it holds ${what ?? ''}: put secrets into \`/key\`, \`/login/password\``
  expect(problem).toBe(what === null ? null : complaint)
})

test.each<[string, string, string | null]>([
  ['host', 'ada:planted@127.0.0.1', 'a user name and password'],
  ['host', 'ada:12345@db.example', 'a user name and password'],
  ['host', 'ada:pl@nt/ed@db:5432', 'a user name and password'],
  ['host', '127.0.0.1:5432', null],
  ['host', '[::1]:5432', null],
  ['host', 'ada@db.example', null],
  ['host', '/var/run/postgresql', null],
  ['server_url', 'ada:planted@db.example/shop', 'a user name and password'],
  ['contact_url', 'mailto:ada@example.com', null],
  ['database', 'shop?password=planted', '`password` behind a `?`'],
  ['database', 'shop?sslmode=require&token=planted', '`token` behind a `?`'],
  ['database', 'shop?sslmode=require', null],
  ['database', 'shop;password=planted', 'a password'],
  ['database', 'shop,pwd=planted', 'a password'],
  ['database', 'shop&password=planted', 'a password'],
  ['database', 'password=planted', 'a password'],
  ['member', 'serviceAccount:robot@project.example', null],
  ['image', 'shop:1.25@sha256:abc', null],
  ['question', 'Which token? password reset', null],
])('a plain field `%s` that holds %j is refused because of: %s', (name, text, what) => {
  const config = { ...good, [name]: text }
  const problem = problemOf(() => {
    refuseMisplacedSecrets({ type: 'shop', spec }, config)
  })
  const complaint = `\`/${name}\` is stored and shown as it is, and it holds ${what ?? ''}: put secrets into \`/key\`, \`/login/password\``
  expect(problem).toBe(what === null ? null : complaint)
})

test.each([
  ['note', 'https://a/'],
  ['host', ''],
  ['database', 'shop?'],
])('a long text in a field does not make the check slow: %s', (name, beginning) => {
  const started = process.threadCpuUsage()
  for (const text of ['://', ':', '://a:', 'a://b/c:d@ ', ' ;', 'a:@']) {
    const config = { [name]: `${beginning}${text.repeat(100_000)} ` }
    refuseMisplacedSecrets({ type: 'shop', spec }, config)
  }
  expect(process.threadCpuUsage(started).user / 1_000).toBeLessThan(2000)
})

test('a connector without a field for secrets says so', () => {
  const descriptor = { type: 'shop', spec: { type: 'object' } }
  expect(
    problemOf(() => {
      refuseMisplacedSecrets(descriptor, { url: 'http://a:planted@b' })
    }),
  ).toContain('this connector has no field for secrets')
})

test('a Unix socket is reached in the folders that the operator allows, by whatever path', () => {
  const descriptor = {
    type: 'shop',
    socketFolder: ({ host }: JsonObject) => (typeof host === 'string' ? host : undefined),
  }
  const isAllowed = (host: string): boolean =>
    problemOf(() => {
      requireAllowedSocket(descriptor, { host }, ['/var/run/postgresql/'])
    }) === null
  expect(['/var/run/postgresql', '/var/run/x/../postgresql/'].every(isAllowed)).toBe(true)
  expect(
    ['/var/run', '/var/run/postgresql/..', '/var/run/postgresql/inner', '/tmp'].some(isAllowed),
  ).toBe(false)
})

test('a folder of the machine is read if the operator allows it, or one above it', () => {
  const descriptor = {
    type: 'shop',
    localFolder: ({ folder }: JsonObject) => (typeof folder === 'string' ? folder : undefined),
  }
  const isAllowed = (folder: string): boolean =>
    problemOf(() => {
      requireAllowedFolder(descriptor, { folder }, ['/srv/exports/'])
    }) === null
  expect(['/srv/exports', '/srv/exports/a/b', '/srv/x/../exports'].every(isAllowed)).toBe(true)
  expect(['/srv', '/srv/exports/..', '/srv/exports-2', '/etc'].some(isAllowed)).toBe(false)
})

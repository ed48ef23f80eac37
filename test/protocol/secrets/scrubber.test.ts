import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scrubber } from '../../../protocol/secrets/scrubber.ts'
import { anyText } from '../../support/any-text.ts'

const secret = `Hunter2!-pa'ss w(or)d*~/é\\x"<&`

test.each([
  ['as it is', secret],
  ['encodeURIComponent', encodeURIComponent(secret)],
  ['a path, where little is escaped', encodeURI(secret)],
  ['a form', new URLSearchParams({ k: secret }).toString().slice(2)],
  ['small hex digits', encodeURIComponent(secret).toLowerCase().replace('hunter', 'Hunter')],
  ['JSON', JSON.stringify(secret).slice(1, -1)],
  [
    'JSON of Python',
    JSON.stringify(secret)
      .slice(1, -1)
      .replace('é', String.raw`\u00e9`),
  ],
  ['a text of Python', secret.replace('\\', '\\\\').replace("'", String.raw`\'`)],
])('a secret is taken out of a text: %s', (_, form) => {
  const scrub = scrubber(['another', secret])
  expect(scrub(`before ${form} after`)).toBe('before *** after')
})

test('a secret is taken out of the header of basic authentication, whatever the length of the user', () => {
  const scrub = scrubber([secret, 'sk_live_51'])
  for (const user of ['', 'a', 'ab', 'abc', 'abcd']) {
    for (const pair of [`${user}:${secret}`, `${user}:sk_live_51`, `sk_live_51:${user}`]) {
      for (const encoding of ['base64', 'base64url'] as const) {
        const shown = scrub(`Basic ${Buffer.from(pair).toString(encoding)} was refused`)
        expect(shown).toMatch(/^Basic [\w+/-]*\*\*\* was refused$/)
        const left = Buffer.from(shown.split(' ')[1]?.replace('***', '') ?? '', 'base64').toString()
        expect(left).not.toMatch(/Hu|sk/)
      }
    }
  }
})

test('no secret is left, whatever it is and however it is escaped', () => {
  const escapes = [
    (text: string) => text,
    encodeURIComponent,
    (text: string) => new URLSearchParams({ k: text }).toString().slice(2),
    (text: string) => encodeURIComponent(encodeURIComponent(text)),
    (text: string) => JSON.stringify(text).slice(1, -1),
    (text: string) => JSON.stringify(JSON.stringify({ text: JSON.stringify(text).slice(1, -1) })),
    (text: string) => Buffer.from(text).toString('base64'),
  ]
  const texts = fc.oneof(
    anyText({ minLength: 8, maxLength: 60 }),
    fc.string({ unit: 'binary-ascii', minLength: 8, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('\\', '"', '-', '%', '2', '&', ' ', '/'), minLength: 8 }),
  )
  fc.assert(
    fc.property(
      texts.filter((text) => text.isWellFormed()),
      fc.constantFrom(...escapes),
      (text, escape) => {
        const shown = scrubber([text])(`[${escape(text)}]`)
        expect(shown).toMatch(/^\["?(?:\{\\"text\\":\\")?\*\*\*\\*(?:"\}")?\]$/)
      },
    ),
  )
})

test('other texts stay, also beside a short secret, and a long one costs no more', () => {
  expect(scrubber([])('a + b % c')).toBe('a + b % c')
  expect(scrubber([''])('abc')).toBe('abc')
  expect(scrubber(['true', 'x.y+z$&'])('xay+z is not $&, truth')).toBe('xay+z is not $&, truth')
  const long = scrubber(['s'.repeat(20_000), 'abcdefgh'])
  const text = 'YWJj'.repeat(250_000)
  const started = process.threadCpuUsage()
  expect(long(text)).toBe(text)
  expect(process.threadCpuUsage(started).user / 1_000).toBeLessThan(2_000)
})

test.each([
  ['\\'.repeat(60), '\\'.repeat(100_000)],
  [`${'\\'.repeat(60)}x`, '\\'.repeat(20_000)],
  [`${'"'.repeat(60)}x`, '\\"'.repeat(20_000)],
  [`${'\\"'.repeat(60)}x`, '\\\\\\"'.repeat(20_000)],
  [`${'\n'.repeat(60)}x`, '\\n'.repeat(20_000)],
  [`${'%25'.repeat(60)}x`, '%25'.repeat(20_000)],
  [`${'\\u005c'.repeat(60)}x`, '\\u005c'.repeat(20_000)],
])('no choice of secret and text makes the scrubber hang: %#', (hostile, text) => {
  const started = process.threadCpuUsage()
  scrubber([hostile])(text)
  expect(process.threadCpuUsage(started).user / 1_000).toBeLessThan(2_000)
})

test('a secret that is broken over lines is replaced, and the lines around it stay', () => {
  const scrub = scrubber([secret, 'sk_live_51aBcDeFgHiJkLmN'])
  expect(scrub('first\nkey: sk_live_51a\n  BcDeFgHi\r\nJkLmN, and\nlast')).toBe(
    'first\nkey: ***, and\nlast',
  )
  expect(scrub(JSON.stringify('at sk_live_5\r\n1aBcDeFgHiJkLmN\nend'))).toBe(
    JSON.stringify('at ***\nend'),
  )
  const base64 = Buffer.from('ada:sk_live_51aBcDeFgHiJkLmN').toString('base64')
  expect(scrub(`${base64.slice(0, 20)}\n${base64.slice(20)}\n`)).not.toContain(base64.slice(20))
  expect(scrub('C:\\new\nfolder')).toBe('C:\\new\nfolder')
})

test('a line of a private key is a secret too, its heading and the names of a key file are not', () => {
  const lines = ['MIIEvQIBADANBgkqhkiG9w0BAQEFAASC', 'BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj']
  const key = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
  expect(scrubber([key])(`bad line ${lines[1] ?? ''} of -----BEGIN PRIVATE KEY-----`)).toBe(
    'bad line *** of -----BEGIN PRIVATE KEY-----',
  )
  const file = {
    type: 'service_account',
    private_key: key,
    private_key_id: 'a1b2c3d4e5f6a7b8c9d0e1f2',
    client_email: 'robot@project.iam.example',
    token_uri: 'https://accounts.example/token',
  }
  const scrub = scrubber([JSON.stringify(file)])
  expect(scrub(`${lines[0] ?? ''} ${file.private_key_id} ${JSON.stringify(key)}`)).toBe(
    '*** *** "***"',
  )
  expect(scrub('service_account robot@project.iam.example https://accounts.example/token')).toBe(
    'service_account robot@project.iam.example https://accounts.example/token',
  )
})

const clientSecret = 'GOCSPX-AbCdEfGhIjKlMnOpQrStUvWxYz12'
const client = { client_id: 'robot', client_secret: clientSecret, redirect_uris: ['http://a'] }

test.each([
  ['an object', JSON.stringify(client)],
  ['an object in an object', JSON.stringify({ installed: client }, null, 2)],
  ['a list', JSON.stringify([client])],
  ['a list of texts', JSON.stringify([[clientSecret]])],
  ['JSON in JSON', JSON.stringify({ key: JSON.stringify({ installed: client }) })],
  ['very deep', `${'['.repeat(20_000)}${JSON.stringify(client)}${']'.repeat(20_000)}`],
])('the texts of a secret that is JSON are secrets too: %s', (_, document) => {
  expect(scrubber([document])(`invalid_client: ${clientSecret} is unknown, robot`)).toBe(
    'invalid_client: *** is unknown, robot',
  )
})

test('a short text of a secret that is JSON is a secret if its name says so', () => {
  const scrub = scrubber([
    JSON.stringify({ login: { user: 'adalovelace', password: 'hunter222' } }),
  ])
  expect(scrub('adalovelace: "hunter222" is wrong')).toBe('adalovelace: "***" is wrong')
})

test.each([
  ['postgres://ada:S3cret-pw@db.example:5432/shop'],
  ['postgres://ada:S3cret%2Dpw@db.example/shop'],
  ['jdbc:postgresql://db.example/shop?user=ada&password=S3cret-pw&ssl=true'],
  ['host=db.example user=ada password=S3cret-pw'],
  ["host=db.example user=ada password = 'S3cret-pw' dbname=shop"],
  ['Server=db.example;Uid=ada;Pwd=S3cret-pw;Database=shop'],
  ['DefaultEndpointsProtocol=https;AccountName=ada;AccountKey=S3cret-pw;EndpointSuffix=db.example'],
  ['https://S3cret-pw@db.example/shop'],
  [JSON.stringify({ dsn: 'postgres://ada:S3cret-pw@db.example:5432/shop' })],
])('the password of a secret that is a connection string is a secret too: %s', (connection) => {
  const scrub = scrubber([connection])
  expect(scrub('the password "S3cret-pw" of ada was refused by db.example (shop)')).toBe(
    'the password "***" of ada was refused by db.example (shop)',
  )
  expect(scrub(`in ${connection}.`)).toBe('in ***.')
})

test('an at sign that is not escaped belongs to the password or to what follows', () => {
  const scrub = scrubber([
    'postgres://ada:p@ss-w/ord@db.example/shop',
    'amqp://bob:hunter222@mq/a@b',
  ])
  expect(scrub('p@ss-w/ord hunter222')).toBe('*** ***')
})

test('a long secret of signs that passwords stand between costs no more', () => {
  for (const sign of ['://', '@', '://@', '=', 'a=', "pass='", ' = ', '\\', '[', '{"a":']) {
    const started = process.threadCpuUsage()
    scrubber([sign.repeat(100_000 / sign.length)])
    expect(process.threadCpuUsage(started).user / 1_000).toBeLessThan(4_000)
  }
})

test('a secret that is taken for the name of a field is hidden in the JSON pointer of an error', () => {
  const hide = scrubber(['pa/ss~word+1/'])
  expect(hide('`/input/pa~1ss~0word+1~1/0`: there is no such field')).toBe(
    '`/input/***/0`: there is no such field',
  )
})

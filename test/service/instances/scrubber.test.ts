import fc from 'fast-check'
import { expect, test } from 'vitest'
import { scrubber } from '../../../service/instances/scrubber.ts'

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
  [
    'HTML',
    secret.replace('&', '&amp;').replace('<', '&lt;').replace('"', '&quot;').replace("'", '&#x27;'),
  ],
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
    (text: string) => JSON.stringify(text).slice(1, -1),
    (text: string) => Buffer.from(text).toString('base64'),
  ]
  const texts = fc.oneof(
    fc.string({ unit: 'binary', minLength: 8, maxLength: 60 }),
    fc.string({ unit: 'binary-ascii', minLength: 8, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('\\', '"', '-', '%', '2', '&', ' ', '/'), minLength: 8 }),
  )
  fc.assert(
    fc.property(
      texts.filter((text) => text.isWellFormed()),
      fc.constantFrom(...escapes),
      (text, escape) => {
        const shown = scrubber([text])(`[${escape(text)}]`)
        expect(shown).toMatch(/^\[\*\*\*[\\]?\]$/)
      },
    ),
  )
})

test('other texts stay, also beside a short secret, and a long one costs no more', () => {
  expect(scrubber([])('a + b % c')).toBe('a + b % c')
  expect(scrubber([''])('abc')).toBe('abc')
  expect(scrubber(['true', 'x.y+z$&'])('xay+z is not $&, truth')).toBe('xay+z is not $&, truth')
  const long = scrubber(['s'.repeat(20_000), 'abcdefgh'])
  const startedMs = performance.now()
  const text = 'YWJj'.repeat(250_000)
  expect(long(text)).toBe(text)
  expect(performance.now() - startedMs).toBeLessThan(2_000)
})

test.each([
  ['\\'.repeat(60), '\\'.repeat(100_000)],
  [`${'\\'.repeat(60)}x`, '\\'.repeat(20_000)],
  [`${'"'.repeat(60)}x`, '\\"'.repeat(20_000)],
  [`${'\\"'.repeat(60)}x`, '\\\\\\"'.repeat(20_000)],
  [`${'\n'.repeat(60)}x`, '\\n'.repeat(20_000)],
  [`${'%25'.repeat(60)}x`, '%25'.repeat(20_000)],
  [`${'&'.repeat(60)}x`, '&amp;'.repeat(20_000)],
  [`${'\\u005c'.repeat(60)}x`, '\\u005c'.repeat(20_000)],
])('who chooses secret and text cannot make it hang: %#', (hostile, text) => {
  const startedMs = performance.now()
  scrubber([hostile])(text)
  expect(performance.now() - startedMs).toBeLessThan(2_000)
})

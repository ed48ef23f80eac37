import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutText } from '../../../protocol/cut-text.ts'
import { maskBeginning, maskSecrets, RecentSecrets, SecretIndex } from '../../../protocol/index.ts'
import { isLong, usually } from '../../support/long.ts'

/** How much processor time of this thread it takes: other work of the machine must not count. */
function cpuMs(work: () => void): number {
  const started = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(started)
  return (user + system) / 1_000
}

/** The unit in which the system may count processor time. */
const clockTickMs = 10

function indexOf(...secrets: readonly string[]): readonly SecretIndex[] {
  const index = new SecretIndex()
  for (const secret of secrets) index.add(secret)
  return [index]
}

const kib = 1024

function wrapped(text: string, columns: number, lineBreak: string): string {
  return (text.match(new RegExp(`[^]{1,${String(columns)}}`, 'g')) ?? []).join(lineBreak)
}

const longSecrets: readonly (readonly [string, (bytes: number) => string])[] = [
  [
    'a document',
    (bytes) => JSON.stringify({ list: Array.from({ length: bytes / 28 }, (_, id) => ({ id })) }),
  ],
  ['one character again and again', (bytes) => 'a'.repeat(bytes)],
  ['punctuation', (bytes) => '!@#$%"\\<&'.repeat(bytes / 9)],
  ['random bytes in base64', (bytes) => randomBytes((bytes * 3) / 4).toString('base64')],
  ['line breaks', (bytes) => 'ab\n'.repeat(bytes / 3)],
]

function maskInAllForms(secret: string): void {
  const indexes = indexOf(secret)
  const masked = (text: string): string => maskSecrets(`[${text}]`, indexes)
  expect(masked(encodeURIComponent(secret))).toBe('[***]')
  maskInShortForms(masked, secret)
}

/**
 * All forms but that of a URL, which may be three times as long as the secret, and takes as much time as the
 * others together.
 */
function maskInShortForms(masked: (text: string) => string, secret: string): void {
  expect(masked(secret)).toBe('[***]')
  expect(masked(JSON.stringify(secret).slice(1, -1))).toBe('[***]')
  expect(masked(Buffer.from(secret).toString('base64'))).toBe('[***]')
  expect(masked(wrapped(Buffer.from(secret).toString('base64'), 76, '\n'))).toBe('[***]')
  expect(masked('[something else]')).toBe('[[something else]]')
}

test.each(usually(1, longSecrets))(
  'a secret as long as the vault allows is masked: %s',
  { timeout: 180_000 },
  (name, secretOf) => {
    const secret = secretOf(256 * kib)
    // In a URL one of them is enough: that this takes no more than in proportion is measured below for all of
    // them.
    if (name === 'a document') maskInAllForms(secret)
    else {
      const indexes = indexOf(secret)
      maskInShortForms((text) => maskSecrets(`[${text}]`, indexes), secret)
    }
  },
)

test.each(usually(1, longSecrets.toReversed()))(
  'a longer secret takes longer in proportion only: %s',
  { timeout: 180_000 },
  (_, secretOf) => {
    // That the time grows with the length is the promise, so it is measured: that of this thread, the best of
    // two times. Eight secrets take as long as one that is eight times as long; if it grew with the square,
    // that one would take eight times as long.
    const eight = Array.from({ length: 8 }, () => secretOf(4 * kib))
    const single = secretOf(32 * kib)
    const bestMs = (secrets: readonly string[]): number =>
      Math.min(
        ...[1, 2].map(() =>
          cpuMs(() => {
            secrets.forEach(maskInAllForms)
          }),
        ),
      )
    expect(bestMs([single])).toBeLessThan(4 * Math.max(bestMs(eight), clockTickMs))
  },
)

test('both ends of a secret that is longer than any that can be stored are masked', () => {
  const secret = randomBytes(600 * kib).toString('base64')
  const indexes = indexOf(secret)
  for (const text of [secret.slice(0, 2_000), secret.slice(-2_000)])
    expect(maskSecrets(text, indexes)).toMatch(/^.{0,63}\*\*\*.{0,63}$/)
})

test('a piece of a long secret is masked too', () => {
  const secret = randomBytes(3_000).toString('hex')
  const piece = secret.slice(1_000, 1_300)
  const shown = maskSecrets(`bad part ${piece} of the token`, indexOf(secret))
  expect(shown).toMatch(/^bad part [0-9a-f]{0,63}\*\*\*[0-9a-f]{0,63} of the token$/)
})

test('secrets over two hundred thousand lines take no longer than reading the text', () => {
  // If the time grew with the square of their number, it would take minutes, which is more than the test may
  // take.
  const shown = maskSecrets('abcd-ab\ncd-abc\n'.repeat(200_000), indexOf('abcd'))
  expect(shown).toBe('***-***-abc\n'.repeat(200_000))
})

test('the cost of a text does not depend on how secret and text repeat themselves', () => {
  // If each place is compared with the whole secret it takes minutes, which is more than the test may.
  const text = 'a'.repeat(400_000)
  expect(maskSecrets(text, indexOf(`${'a'.repeat(50_000)}b`))).toBe('***')
  expect(maskSecrets(text, indexOf(`${'a'.repeat(63)}b`))).toBe(text)
})

test('a text is cut where no secret is, whatever it is and wherever it stands', () => {
  const secret =
    'Hunter2!"\\ and so on until more than a piece of it has been seen, 0123456789abcdef'
  const indexes = indexOf(secret)
  const forms = [secret, JSON.stringify(JSON.stringify(secret)), encodeURIComponent(secret)]
  fc.assert(
    fc.property(fc.constantFrom(...forms), fc.nat(120), (form, before) => {
      const text = '.'.repeat(before) + form + '.'.repeat(9_000)
      const shown = maskBeginning(text, indexes, 100)
      expect(shown).toMatch(/^\.*"?\\*"?(?:\*\*\*)?\\*"?\\*"?\.*… \(cut: [\d,]+ characters\)$/)
      expect(shown.length).toBeLessThan(200)
    }),
  )
})

test('a text that was cut says how long it was, also if it is cut again', () => {
  const once = cutText('x'.repeat(30_000_000), 8_000)
  expect(once).toBe(`${'x'.repeat(8_000)}… (cut: 30,000,000 characters)`)
  expect(cutText(once, 2_000)).toBe(`${'x'.repeat(2_000)}… (cut: 30,000,000 characters)`)
  expect(cutText('short', 5)).toBe('short')
  expect(cutText('ab😀', 3)).toBe('ab… (cut: 4 characters)')
})

test('the last secrets of a sequence without end are known, and one more costs no more than the first', () => {
  let added = 0
  const recent = new RecentSecrets(1_000, (index, secret) => {
    added += 1
    index.add(secret)
  })
  const count = isLong ? 20_000 : 5_000
  for (let n = 0; n < count; n++) {
    recent.add(`token-${String(n)}-of-many`)
    const shown = maskSecrets(`bad token-${String(n)}-of-many`, recent.indexes)
    expect(shown).toBe('bad ***')
  }
  // Each once: none that was there before is indexed again for a new one.
  expect(added).toBe(count)
  expect(recent.has(`token-${String(count - 1_000)}-of-many`)).toBe(true)
  expect(recent.has('token-5-of-many')).toBe(false)
})

const ascii = Array.from({ length: 0x5f }, (_, code) => String.fromCharCode(0x20 + code))
const wrappable: readonly (readonly [name: string, unit: readonly string[]])[] = [
  ['letters and digits', ascii.filter((character) => /\w/.test(character))],
  ['hexadecimal digits', Array.from('0123456789abcdef')],
  ['base64', ascii.filter((character) => /[\w+/]/.test(character))],
  ['all of ASCII that shows', ascii.slice(1)],
  ['what is escaped', Array.from('\\"%&<>\'/+nru0')],
  ['letters of many languages', Array.from('éßдž日本語한🔑🗝abc123')],
]

const forms: readonly (readonly [name: string, form: (secret: string) => string])[] = [
  ['plain', (secret) => secret],
  ['percent', encodeURIComponent],
  ['JSON', (secret) => JSON.stringify(secret).slice(1, -1)],
  ['base64', (secret) => Buffer.from(secret).toString('base64')],
  ['base64 behind one byte', (secret) => Buffer.from(`:${secret}:end`).toString('base64')],
  ['base64 behind two bytes', (secret) => Buffer.from(`a:${secret}`).toString('base64')],
  ['base64 of JSON', (secret) => Buffer.from(JSON.stringify({ secret })).toString('base64')],
  ['basic authentication', (secret) => `Basic ${Buffer.from(`ada:${secret}`).toString('base64')}`],
]

/** Eight characters of the form that a text still shows. */
function shownPart(shown: string, form: string): string | undefined {
  const parts = new Set<string>()
  for (let position = 0; position + 8 <= form.length; position++)
    parts.add(form.slice(position, position + 8))
  for (let position = 0; position + 8 <= shown.length; position++)
    if (parts.has(shown.slice(position, position + 8))) return shown.slice(position, position + 8)
  return undefined
}

/** Returns the characters of the form that reveal the secret: `Basic`, the user and `{"secret":"` do not. */
function tellingPart(name: string, form: string): string {
  if (name === 'base64 of JSON') return form.slice(16, -4)
  return name === 'basic authentication' ? form.slice(12) : form.slice(4, -8)
}

test.each(['\n', '\r\n', '\r', '\n    ', '%0A', '%0D%0A', '&#10;', '&#xA;', '\\n', '\\u000a'])(
  'no part of a secret survives, in whatever form and column it is broken over lines: %j',
  (lineBreak) => {
    const takesBackslashes = lineBreak.startsWith('\\')
    fc.assert(
      fc.property(
        fc.constantFrom(...wrappable).chain(([, unit]) => {
          const units = unit.filter((text) => !(takesBackslashes && text === '\\'))
          return fc
            .integer({ min: 8, max: 2_000 })
            .chain((length) =>
              fc.array(fc.constantFrom(...units), { minLength: length, maxLength: length }),
            )
        }),
        fc.constantFrom(...forms),
        fc.integer({ min: 16, max: 120 }),
        (characters, [name, formOf], columns) => {
          const secret = characters.join('')
          const form = formOf(secret)
          const text = `refused:\n${wrapped(form, columns, lineBreak)}\n(the end)`
          const shown = maskSecrets(text, indexOf(secret))
          expect(
            shownPart(shown.replaceAll(lineBreak, ''), tellingPart(name, form)),
          ).toBeUndefined()
          expect(shown).toMatch(/^refused:/)
          expect(shown).toMatch(/\(the end\)$/)
        },
      ),
      { numRuns: isLong ? 100 : 25 },
    )
  },
)

test('base64 that is broken over lines goes as far as the secret, and the next line stays', () => {
  const token = randomBytes(70).toString('hex').slice(0, 93)
  const indexes = indexOf(token)
  const basic = wrapped(Buffer.from(`ada:${token}`).toString('base64'), 76, '\n')
  expect(maskSecrets(`Basic ${basic}\nretry later`, indexes)).toMatch(
    /^Basic \w{0,8}\*\*\*\n?r?etry later$/,
  )
  expect(maskSecrets(`bad:\n${wrapped(token, 76, '\n')}\nretry later`, indexes)).toBe(
    'bad:\n***\nretry later',
  )
})

test('plus and slash of base64 may be escaped', () => {
  const secret = '>>>???~~~ÿÿÿ>>>???~~~'
  const base64 = Buffer.from(secret).toString('base64')
  expect(base64).toMatch(/\+.*\/|\/.*\+/)
  const escapes: readonly ((text: string) => string)[] = [
    encodeURIComponent,
    (text) => encodeURIComponent(encodeURIComponent(text)),
    (text) => text.replaceAll('/', String.raw`\/`),
    (text) => text.replaceAll('+', String.raw`\u002B`),
  ]
  for (const escape of escapes)
    expect(maskSecrets(`[${escape(base64)}]`, indexOf(secret))).toBe('[***]')
})

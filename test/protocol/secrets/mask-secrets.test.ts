import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutText } from '../../../protocol/cut-text.ts'
import { maskBeginning, maskSecrets, RecentSecrets, SecretIndex } from '../../../protocol/index.ts'

function indexOf(...secrets: readonly string[]): readonly SecretIndex[] {
  const index = new SecretIndex()
  for (const secret of secrets) index.add(secret)
  return [index]
}

const kib = 1024

test.each([
  ['punctuation', '!@#$%"\\<&'.repeat(30 * kib)],
  ['random bytes in base64', randomBytes(192 * kib).toString('base64')],
  ['a document', JSON.stringify({ list: Array.from({ length: 9_000 }, (_, id) => ({ id })) })],
  ['one character again and again', 'a'.repeat(256 * kib)],
  ['line breaks', 'ab\n'.repeat(80 * kib)],
])('a secret as long as the vault allows is masked, and soon: %s', (_, secret) => {
  const startedMs = performance.now()
  const indexes = indexOf(secret)
  const masked = (text: string): string => maskSecrets(`[${text}]`, indexes)
  expect(masked(secret)).toBe('[***]')
  expect(masked(JSON.stringify(secret).slice(1, -1))).toBe('[***]')
  expect(masked(encodeURIComponent(secret))).toBe('[***]')
  expect(masked(Buffer.from(secret).toString('base64'))).toBe('[***]')
  expect(masked('[something else]')).toBe('[[something else]]')
  expect(performance.now() - startedMs).toBeLessThan(20_000)
})

test('of a secret that is longer than any that can be stored both ends are masked', () => {
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

test('sixty thousand secrets over as many lines take no longer than reading the text', () => {
  const startedMs = performance.now()
  const shown = maskSecrets('abcd-ab\ncd-abc\n'.repeat(60_000), indexOf('abcd'))
  expect(shown).toBe('***-***-abc\n'.repeat(60_000))
  expect(performance.now() - startedMs).toBeLessThan(10_000)
})

test('the cost of a text does not depend on how secret and text repeat themselves', () => {
  const startedMs = performance.now()
  const text = 'a'.repeat(200_000)
  expect(maskSecrets(text, indexOf(`${'a'.repeat(5_000)}b`))).toBe('***')
  expect(maskSecrets(text, indexOf(`${'a'.repeat(63)}b`))).toBe(text)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
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

test('of secrets that follow each other for ever the last ones are known, at no more cost', () => {
  const recent = new RecentSecrets(1_000, (index, secret) => {
    index.add(secret)
  })
  const startedMs = performance.now()
  for (let n = 0; n < 20_000; n++) {
    recent.add(`token-${String(n)}-of-many`)
    const shown = maskSecrets(`bad token-${String(n)}-of-many`, recent.indexes)
    expect(shown).toBe('bad ***')
  }
  expect(performance.now() - startedMs).toBeLessThan(20_000)
  expect(recent.has('token-19000-of-many')).toBe(true)
  expect(recent.has('token-5-of-many')).toBe(false)
})

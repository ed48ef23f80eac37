import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { registry } from '../../manifest-interpreter/components/registry.ts'
import { language } from '../../manifest-interpreter/manifest/definitions/language.ts'

const page = readFileSync(new URL('../../docs/manifest-support.md', import.meta.url), 'utf8')

/** The table of all types: what each stands as, and whether it is supported. */
const rows = new Map(
  [...page.matchAll(/^\| `(\w+)` \| ([a-z ]*) ?\| (yes|replaceable|no) \|$/gm)].map(
    ([, type = '', role = '', supported = '']) => [type, { role: role.trim(), supported }],
  ),
)

/** `errorHandler` is written `error handler`. */
function words(role: string): string {
  return role.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

const built = new Map(
  Object.entries(registry).flatMap(([role, components]) =>
    [...components.keys()].map((type) => [type, words(role)] as const),
  ),
)

test('the page lists every type of the language, sorted', () => {
  expect([...rows.keys()]).toEqual([...language.keys()].toSorted())
})

test('what is written to stand as something is built as that, and nothing else is', () => {
  for (const [type, { role, supported }] of rows)
    if (supported === 'yes') expect([type, built.get(type) ?? '']).toEqual([type, role])
})

test('components in Python, and no others, are replaceable in a role or not supported', () => {
  const roles = new Set(Object.keys(registry).map(words))
  for (const [type, { role, supported }] of rows) {
    expect([type, supported !== 'yes']).toEqual([type, type.startsWith('Custom')])
    if (supported === 'replaceable') expect(roles.has(role), type).toBe(true)
  }
})

import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { componentTypes } from '../../manifest-interpreter/components/components.ts'
import { language } from '../../manifest-interpreter/manifest/definitions/language.ts'

const page = readFileSync(new URL('../../docs/manifest-support.md', import.meta.url), 'utf8')

/** The table of all types on the page: what each stands as, and whether it is supported. */
const rows = [...page.matchAll(/^\| `(\w+)` \| ([a-z ]*) ?\| (yes|replaceable|no) \|$/gm)].map(
  ([, type = '', role = '', supported = '']) => ({ type, role: role.trim(), supported }),
)

/** `errorHandler` is written `error handler`. */
function words(role: string): string {
  return role.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

const { roles, parts, functions, refused } = componentTypes
/** The same as the rows of the page, from the table in the code. */
const types = [
  ...Object.entries(roles).flatMap(([role, compilers]) =>
    Object.entries(compilers).map(([type, compiler]) => ({
      type,
      role: words(role),
      supported: typeof compiler === 'string' ? compiler : 'yes',
    })),
  ),
  ...Object.keys(parts).map((type) => ({ type, role: '', supported: 'yes' })),
  ...Object.keys(functions).map((type) => ({
    type,
    role: 'config transformation',
    supported: 'replaceable',
  })),
  ...Object.keys(refused).map((type) => ({ type, role: '', supported: 'no' })),
]

function byType(a: { readonly type: string }, b: { readonly type: string }): number {
  return a.type < b.type ? -1 : 1
}

test('the table has every type of the language once, and no other', () => {
  const names = types.map(({ type }) => type)
  expect(names.toSorted()).toEqual([...language.keys()].toSorted())
})

test('the page lists the types of the table, sorted, with their roles and their support', () => {
  expect(rows).toEqual(types.toSorted(byType))
})

test('each part is read by a file of the interpreter that exists', () => {
  const folder = new URL('../../manifest-interpreter/', import.meta.url)
  for (const [type, file] of Object.entries({ ...parts, ...functions }))
    expect([type, existsSync(new URL(file, folder))]).toEqual([type, true])
})

test('components in Python, and no others, are replaceable in a role or refused', () => {
  for (const { type, supported } of types)
    expect([type, supported !== 'yes']).toEqual([type, type.startsWith('Custom')])
})

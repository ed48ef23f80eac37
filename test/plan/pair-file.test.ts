import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadPairFile, type LoadedPairFile } from '../../plan/pair-file/load-pair-file.ts'
import { ConnectError } from '../../protocol/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const environment = {
  CRM_URL: 'postgres://sync:hunter22@crm.internal/crm',
  SHOP_URL: 'postgres://sync:hunter33@shop.internal:6432/shop',
}

async function load(text: string, name = 'crm.toml'): Promise<LoadedPairFile> {
  await using folder = await temporaryFolder('pair-file')
  const path = join(folder.path, name)
  await writeFile(path, text)
  return await loadPairFile(path, environment)
}

async function problemsOf(text: string, name?: string): Promise<readonly string[]> {
  const error = await load(text, name).catch((thrown: unknown) => thrown)
  if (!(error instanceof ConnectError)) throw new Error('the file was accepted')
  const { suggested_fix: fix, details } = error.toJSON()
  const more = Array.isArray(details?.more) ? details.more.map(String) : []
  return [`${error.message.replace(/^.*\/crm/, 'crm')} ${fix}`, ...more].map((text) =>
    text.replace(/^.*\/crm/, 'crm'),
  )
}

const pair = `pair = "crm"
a = { url = "\${CRM_URL}" }
b = { url = "\${SHOP_URL}", type = "postgres" }
rules = ["contact:last_write_wins", "contact.email:review"]
deletes = "unlink"
creates = "b"
`
const stream = `[[streams]]
name = "contact"
a = "contact"
b = { table = "sales.person", modified = "changed", where = "kind = 'x'" }
match = "email"
fields = ["email", { name = "phone", b = "tel", required = true }]
`

test('a pair file in TOML names sides, streams, renamed fields, rules and limits', async () => {
  const loaded = await load(pair + stream)
  expect(loaded).toMatchObject({
    name: 'crm',
    sides: {
      a: { place: 'crm.internal:5432/crm' },
      b: { place: 'shop.internal:6432/shop' },
    },
    streams: [
      {
        name: 'contact',
        fields: [{ name: 'email' }, { name: 'phone', isRequired: true }],
        rules: { rule: 'last_write_wins', fields: { email: 'review' } },
        ...{ deletes: 'unlink', matchField: 'email', mayCreate: { a: false, b: true } },
      },
    ],
    options: {
      ...{ skewToleranceMs: 1_000, loopLimit: { writes: 20, windowMs: 3_600_000 } },
      ...{ deleteLimit: { records: 10, share: 0.1 }, allowsDeletes: false },
    },
    createLimit: 1_000,
  })
  expect([...loaded.sides.b.streamPlaces.values()]).toEqual([
    'shop.internal:6432/shop sales.person',
  ])
  expect(loaded.secrets).toContain('hunter22')
  expect(loaded.fingerprint).not.toMatch(/hunter/)
})

test.each([
  [
    'a rule for a field that the stream does not have',
    pair.replace('contact.email', 'contact.emial') + stream,
    'rules: the file has no field emial of contact Did you mean `email`?',
  ],
  [
    'a misspelt field of a table',
    pair + stream.replace('modified', 'modifed'),
    'streams[0].b.modifed: unknown field Did you mean `modified`?',
  ],
  [
    'a side without its place',
    pair + stream.replace('a = "contact"\n', ''),
    'streams[0].a: is missing Add `a` to streams[0].',
  ],
  [
    'a match field that is none of the fields',
    pair + stream.replace('match = "email"', 'match = "mail"'),
    'streams[0].match: the file has no field mail',
  ],
  [
    'soft deletions without a column for them',
    pair.replace('unlink', 'soft') + stream,
    'streams[0].a.deleted: is missing, and deletions are `soft`',
  ],
  [
    'a reference to a stream that is not there',
    pair + stream.replace('b = "tel"', 'references = "acount"'),
    'streams[0].fields[1].references: the file has no stream acount',
  ],
  [
    'one table on both sides',
    pair.replace('SHOP_URL', 'CRM_URL') + stream.replace('sales.person', 'contact'),
    'streams[0].b: is the same table of the same database as `a`',
  ],
  [
    'a URL that is none, without showing it',
    pair.replace('${SHOP_URL}', 'shop:hunter33') + stream,
    'b.url: does not begin with postgres://',
  ],
])('%s is refused with the place and a fix', async (_name, text, problem) => {
  const problems = await problemsOf(text)
  expect(problems[0]).toContain(problem)
  expect(problems.join('\n')).not.toContain('hunter')
})

test('a variable that is not set is named', async () => {
  const [problem] = await problemsOf(pair.replace('CRM_URL', 'CRM') + stream)
  expect(problem).toContain('the environment variable CRM is not set')
})

import { describe, expect, test } from 'vitest'
import type { SchemaDrift } from '../../service/schema-changes/schema.ts'
import { fakerConfig } from '../support/test-api.ts'
import { settleDrift } from '../support/drift-by-hand.ts'
import { sampleDescriptor } from '../support/sample-descriptor.ts'
import { reactor } from './service-command-line.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const { run, json } = commands

test('the audit log shows who did what, and what was refused', async () => {
  await run('keys create watcher --kind viewer --scope instances:read@shop-* --expires-in 1h')
  const shown = await run('audit --limit 1')
  expect(shown).toMatchObject({ code: 0, err: '' })
  const [header = '', entry = ''] = shown.out.split('\n')
  expect(header).toMatch(/^AT +WHO +ACTION +ON +OUTCOME +ERROR +ID +DETAILS/)
  expect(entry).toMatch(/test \(admin\) +api-keys:create +\w+ +done/)
  const keys = await run('keys list')
  expect(keys.out).toMatch(/watcher +viewer +instances:read@shop-\*/)
  await expect(run('keys create x --kind viewer --scope a@b@c')).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('ACTION@NAME') as unknown,
  })
})

describe('keys', () => {
  test('are made, listed and revoked; the key alone goes to standard output', async () => {
    const { out, err } = await run('keys create ci --kind admin')
    expect(out).toMatch(/^key_[\w-]+\n$/)
    const id = /^key (\w+) for "ci"/.exec(err)?.[1] ?? ''
    const environment = {
      ...commands.environment,
      REACTOR_CONNECT_API_KEY: out.trim(),
    }
    const list = await run('keys list', { environment })
    expect(list.out).toMatch(new RegExp(`\\n${id} +ci `))
    expect(list.out).not.toContain(out.trim())
    expect((await run(`keys revoke ${id} --yes`)).code).toBe(0)
    expect((await run('keys list', { environment })).err).toContain('[unauthorized]')
  })
})

test('drift is shown with the command that approves it', async () => {
  await commands.api.withConnection('shop')
  expect((await run('connections drift shop')).out).toContain('found the approved schema')
  const fingerprint = '0123456789abcdef0123456789abcdef'
  const { id: seenBy } = await commands.api.service.runs.start('shop')
  const drift: SchemaDrift = {
    status: 'blocked',
    fingerprint,
    changes: [
      {
        name: 'users',
        namespace: 'public',
        change: 'changed',
        addedColumns: [{ name: 'phone', type: 'string' }],
        removedColumns: [{ name: 'fax', type: 'string' }],
        typeChanges: [{ name: 'age', from: 'integer', to: 'number' }],
        ...{
          primaryKey: { from: [['id']], to: [] },
          cursor: null,
          syncModes: null,
          columnsLeft: 0,
        },
      },
    ],
    total: 3,
    run: seenBy,
    detectedAt: '2026-11-26T10:00:00.000Z',
  }
  await settleDrift(commands.api.store, seenBy, { drift })
  const { out } = await run('connections drift shop')
  expect(out.split('\n')).toEqual([
    'STREAM        CHANGE          WHAT          TYPE',
    'public.users  column added    phone         string',
    'public.users  column removed  fax           string',
    'public.users  type changed    age           integer -> number',
    'public.users  primary key     (id) -> none',
    'and 2 more streams',
    `blocked, seen by ${seenBy} 2026-11-26 10:00:00Z`,
    `approve: reactor connect connections approve shop --fingerprint ${fingerprint}`,
    '',
  ])
  expect(await json('connections drift shop')).toMatchObject({ status: 'blocked', fingerprint })
  expect((await run('connections get shop')).out).toContain(
    'blocked: reactor connect connections drift shop',
  )
  expect((await run('connections list')).out).toContain(', blocked')
  const wrong = await run(`connections approve shop --fingerprint ${'f'.repeat(32)}`)
  expect(wrong).toMatchObject({ code: 1 })
  expect(wrong.err).toContain('[schema_drift_outdated]')
  const approved = await run(`connections approve shop --fingerprint ${fingerprint}`)
  expect(approved).toMatchObject({ code: 0 })
  expect(approved.out).toContain('shop: approved; the next run uses it')
})

test('schemas are listed, and one goes to standard output alone', async () => {
  const schema = { type: 'record', name: 'users', fields: [] } as const
  const fingerprint = '0123456789abcdef'
  const used = { connection: 'shop', stream: { name: 'users', namespace: 'public' } }
  const first = {
    columnsDigest: 'a',
    fingerprint: 'a'.repeat(16),
    blockFingerprint: 'b'.repeat(16),
  }
  const second = { columnsDigest: 'b', fingerprint, blockFingerprint: 'fedcba9876543210' }
  const { schemas } = commands.api.store
  await schemas.keep({ ...used, ...first, schema: { ...schema, name: 'older' }, run: 'run_1' })
  await schemas.keep({ ...used, ...second, schema, run: 'run_2' })
  const [, seen = ''] =
    /^CONNECTION +STREAM +VERSION +BLOCK +RECORD +FIRST SEEN\nshop +public\.users +2 +fedcba9876543210 +0123456789abcdef +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)\nshop +public\.users +1 /.exec(
      (await run('schemas list --connection shop')).out,
    ) ?? []
  expect(seen).not.toBe('')
  expect(await json('schemas list --connection other')).toEqual([])
  const single = await run(`schemas get ${fingerprint}`)
  expect(JSON.parse(single.out)).toEqual(schema)
  expect(single.err).toBe(`${fingerprint}: one record; used by shop since ${seen}\n`)
  expect(await json(`schemas get ${fingerprint}`)).toMatchObject({ framing: 'record', schema })
  expect((await run('schemas get ffffffffffffffff')).err).toContain('[schema_not_found]')
})

test('what the service does not have yet keeps its place and says so', async () => {
  await commands.api.withConnection('shop')
  const lines = [
    'policies conflict create --connection-a a --connection-b b --rules Lead:last_write_wins',
  ]
  for (const line of lines) {
    const { code, err } = await run(line)
    expect({ line, code }).toEqual({ line, code: 1 })
    expect(err).toContain('[not_available]')
  }
})

test('a list without rows says so, with the command that makes the first one', async () => {
  const instances = await run('instances list')
  expect(instances.out).toBe(
    'no instances yet, or none that you may see\nnext: reactor connect instances create NAME --type TYPE\n',
  )
  await commands.api.withConnection('shop')
  expect((await run('connections runs list shop')).out).toBe(
    'no runs yet\nnext: reactor connect connections runs start shop --wait\n',
  )
  expect((await run('connections runs list shop --status failed')).out).toBe(
    'no runs match the options\nnext: reactor connect connections runs list shop\n',
  )
  expect((await run('connections sandboxes shop')).out).toBe(
    'no sandboxes yet\nnext: reactor connect connections sandbox shop\n',
  )
  expect((await run('schemas list')).out).toMatch(/^no schemas yet, .*\nnext: reactor connect /)
  expect((await run('connections list --status paused')).out).toMatch(/^no connections match/)
  expect((await run('audit --name nobody')).out).toContain('no entries')
  const users = await reactor(['auth', 'users', 'list'], { environment: commands.environment })
  expect(users.out).toBe('no users yet\nnext: reactor auth users add EMAIL --role viewer\n')
  expect(await json('connections runs list shop')).toEqual([])
})

test('a list fits the terminal', async () => {
  const name = 'a-name-that-is-as-long-as-a-name-can-be-or-nearly'
  await commands.api.service.instances.create({ name, type: 'faker', config: fakerConfig })
  const { out } = await run('instances list', { columns: 60 })
  for (const line of out.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(60)
  expect(out).toContain('…')
})

test('the catalog of the service is listed, and a connector is shown with its fields and actions', async () => {
  expect((await run('catalog list --remote')).out).toMatch(/^faker +native +Faker$/m)
  expect((await run('catalog show nothing --remote')).err).toContain('[unknown_connector]')
  commands.api.service.catalog.get = () => Promise.resolve(sampleDescriptor)
  const { out } = await run('catalog show vendor --remote')
  expect(out).toMatch(/actions\n +ping +read +Ping\n/)
  expect(out).toMatch(/ {2}token +string +secret\n/)
})

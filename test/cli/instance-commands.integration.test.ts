import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { importManifest } from '../support/import-manifest.ts'
import { serviceCommands } from './service-commands.ts'

const commands = serviceCommands()
const { run, json } = commands

const errorAnswer = z.object({
  error: z.looseObject({ code: z.string(), suggested_fix: z.string() }),
})

/** An instance of the test's database, without the password. */
async function database(name: string): Promise<void> {
  const { password, ...config } = commands.api.database.address
  expect(password).not.toBe('')
  await commands.api.service.instances.create({
    ...{ name, type: 'postgres', config: { ...config, schemas: ['public'] } },
  })
}

describe('instances', () => {
  test('are created, listed, shown, changed and deleted', async () => {
    await importManifest(commands.api.catalogDir, 'crm')
    const config = (url: string) => `{"base_url":"${url}","credentials":{"auth_type":"key"}}`
    const created = await run(`instances create shop --type crm --config ${config('http://a')}`)
    expect(created).toMatchObject({ code: 0, err: '' })
    expect(created.out).toBe(
      'created shop (crm), credentials missing\nnext: reactor connect instances credentials shop\n',
    )
    const list = (await run('instances list')).out.split('\n')
    expect(list[0]).toMatch(/^NAME +TYPE +CREDENTIALS +UPDATED$/)
    expect(list[1]).toMatch(/^shop +crm +missing +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/)
    expect(await json('instances get shop')).toMatchObject({ name: 'shop', version: 1 })
    const changed = ['instances', 'update', 'shop', '--config', config('http://b')]
    expect((await run([...changed, '--if-version', '1'])).code).toBe(0)
    const stale = await run([...changed, '--if-version', '1', '--json'])
    expect(stale.code).toBe(1)
    expect(errorAnswer.parse(JSON.parse(stale.out)).error.code).toBe('version_conflict')
    expect((await run('instances get shop')).out).toContain(`configuration  ${config('http://b')}`)
    expect((await run('instances delete shop -y')).out).toBe('deleted shop\n')
    expect(await json('instances list')).toEqual([])
  })

  test('an error is shown with its code, fix and page', async () => {
    const { code, out, err } = await run('instances get nobody')
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      /^error: .*nobody.* \[instance_not_found\]\n {2}fix: {2}\S.*\n {2}docs: docs\/errors\/resource\.md#instance_not_found\n$/,
    )
  })

  test('credentials come from standard input or a file without a word, from the command line with a warning', async () => {
    await database('shop')
    const secret = 'kit-secret-input'
    const stdin = JSON.stringify({ password: secret })
    const piped = await run('instances credentials shop --input -', { stdin })
    expect(piped).toMatchObject({ code: 0, err: '' })
    expect(piped.out).toContain('credentials ready')
    const file = join(commands.folder, 'secrets.json')
    await writeFile(file, stdin)
    expect(await run(`instances credentials shop --input ${file}`)).toMatchObject({
      code: 0,
      err: '',
    })
    const visible = await run(['instances', 'credentials', 'shop', '--input', stdin])
    expect(visible.code).toBe(0)
    expect(visible.err).toMatch(/^warning: secrets on a command line/)
    expect(piped.out + visible.out + visible.err).not.toContain(secret)
  })

  test('an update that moves stored secrets to another host says which it needs again', async () => {
    await database('moving')
    const secrets = '{"password":"kit-secret-moving"}'
    await run('instances credentials moving --input -', { stdin: secrets })
    const { config } = await commands.api.service.instances.get('moving')
    const moved = { ...config, host: 'elsewhere.example' }
    const update = 'instances update moving --config -'
    const refused = await run(update, { stdin: JSON.stringify(moved) })
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toContain('A change of `/host` would send secrets')
    expect(refused.err).toContain('fix:  Give `/password` again in the same request')
    const given = { ...moved, password: 'kit-secret-moving' }
    expect((await run(update, { stdin: JSON.stringify(given) })).code).toBe(0)
  })

  test('what is no JSON object is refused without quoting it', async () => {
    await database('shop')
    for (const stdin of [
      'kit-secret-broken',
      '["kit-secret-broken"]',
      '{"a": kit-secret-broken}',
      '',
    ]) {
      const { code, err } = await run('instances credentials shop --input -', { stdin })
      expect(code).toBe(2)
      expect(err).toContain('--input is not a JSON object')
      expect(err).not.toContain('kit-secret')
    }
    const missing = await run('instances credentials shop --input no-such-file.json')
    expect(missing).toMatchObject({ code: 2 })
    expect(missing.err).toContain('There is no file no-such-file.json for --input')
  })

  test('without input the secrets are asked for, where somebody is there', async () => {
    await run('instances create shop --type nasa --config {"start_date":"2026-01-01"}')
    const alone = await run('instances credentials shop')
    expect(alone.code).toBe(2)
    expect(alone.err).toContain('/api_key')
    const asked = await run('instances credentials shop', { answers: ['kit-secret-asked'] })
    expect(asked).toMatchObject({ code: 0, err: 'api_key (not shown): ' })
    expect(asked.out).toContain('credentials ready')
  })

  test('a check that fails has exit code 1, a discovery lists the streams', async () => {
    const { database: server } = commands.api
    await server.query('CREATE TABLE public.users (id int)')
    await database('shop')
    const failed = await run('instances check shop')
    expect(failed).toMatchObject({ code: 1, err: '' })
    expect(failed.out).toMatch(/^shop: it does not work: \S.*\n$/)
    const stdin = JSON.stringify({ password: server.address.password })
    await run('instances credentials shop --input -', { stdin })
    expect((await run('instances check shop')).code).toBe(0)
    expect((await run('instances discover shop --cached')).code).toBe(0)
    await server.query('CREATE TABLE public.later (id int)')
    expect((await run('instances discover shop --cached')).out).not.toContain('public.later')
    const { out } = await run('instances discover shop')
    expect(out).toContain('public.later')
    expect(out).toMatch(/^STREAM +SYNC MODES/)
    expect(out).toMatch(/\npublic\.users +full_refresh/)
  })
})

test('an instance without an OAuth client asks for it, and then sends the user to the vendor', async () => {
  await importManifest(commands.api.catalogDir, 'crm')
  const config = { base_url: 'http://127.0.0.1:1', credentials: { auth_type: 'oauth' } }
  await commands.api.service.instances.create({ name: 'crm', type: 'crm', config })
  const stop = new AbortController()
  const { err } = await run('instances credentials crm --no-browser --callback-port 0', {
    answers: ['my-client', 'my-client-secret'],
    signal: stop.signal,
    // The address is shown: nobody goes there.
    onText: (text) => {
      if (text.includes('client_id=')) stop.abort()
    },
  })
  expect(err).toContain('crm has no OAuth client yet')
  expect(err).toContain('http://127.0.0.1/callback')
  expect(err).toMatch(/auth\?\S*client_id=my-client&/)
  expect(err).not.toContain('my-client-secret')
})

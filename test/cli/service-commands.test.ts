import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { Environment } from '../../service/platform/config/environment.ts'
import type { SchemaChange } from '../../service/schema-changes/schema.ts'
import { emptyStream } from '../../service/run-worker/attempt-streams.ts'
import { MemoryApi } from '../service/http/memory-api.ts'
import { reactor, type CommandEnd, type CommandOptions } from './service-command-line.ts'

let api: MemoryApi
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reactor-cli-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})
beforeEach(async () => {
  api = await MemoryApi.start()
})
afterEach(async () => {
  await api[Symbol.asyncDispose]()
})

async function run(
  line: string | readonly string[],
  options: Partial<CommandOptions> = {},
): Promise<CommandEnd> {
  const argv = typeof line === 'string' ? line.split(' ') : line
  return reactor(['connect', ...argv], { environment: environment(), ...options })
}

function environment(): Environment {
  return {
    HOME: folder,
    REACTOR_CONNECT_URL: api.server.url,
    REACTOR_CONNECT_API_KEY: api.key,
  }
}

async function json(line: string): Promise<unknown> {
  const { out } = await run(`${line} --json`)
  return JSON.parse(out)
}

const errorAnswer = z.object({
  error: z.looseObject({ code: z.string(), suggested_fix: z.string() }),
})

describe('instances', () => {
  test('are created, listed, shown, changed and deleted', async () => {
    const created = await run('instances create shop --type faker')
    expect(created).toMatchObject({ code: 0, err: '' })
    expect(created.out).toBe(
      'created shop (faker), credentials missing\nnext: reactor connect instances credentials shop\n',
    )
    const list = (await run('instances list')).out.split('\n')
    expect(list[0]).toMatch(/^NAME +TYPE +CREDENTIALS +UPDATED$/)
    expect(list[1]).toMatch(/^shop +faker +missing +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/)
    expect(await json('instances get shop')).toMatchObject({ name: 'shop', version: 1 })
    const changed = ['instances', 'update', 'shop', '--config', '{"count":7}']
    expect((await run([...changed, '--if-version', '1'])).code).toBe(0)
    const stale = await run([...changed, '--if-version', '1', '--json'])
    expect(stale.code).toBe(1)
    expect(errorAnswer.parse(JSON.parse(stale.out)).error.code).toBe('version_conflict')
    expect((await run('instances get shop')).out).toContain('configuration  {"count":7}')
    expect((await run('instances delete shop')).out).toBe('deleted shop\n')
    expect(await json('instances list')).toEqual([])
  })

  test('an error is shown with its code, fix and page', async () => {
    const { code, out, err } = await run('instances get nobody')
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(
      /^error: .*nobody.* \[instance_not_found\]\n {2}fix: {2}\S.*\n {2}docs: docs\/errors\/instance_not_found\.md\n$/,
    )
  })

  test('credentials come from standard input or a file without a word, from the command line with a warning', async () => {
    await run('instances create shop --type faker')
    const secret = 'kit-secret-input'
    const stdin = JSON.stringify({ token: secret })
    const piped = await run('instances credentials shop --input -', { stdin })
    expect(piped).toMatchObject({ code: 0, err: '' })
    expect(piped.out).toContain('credentials ready')
    const file = join(folder, 'secrets.json')
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

  test('what is no JSON object is refused without quoting it', async () => {
    await run('instances create shop --type faker')
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
    expect(missing.err).toContain('ENOENT')
  })

  test('without input the secrets are asked for, where somebody is there', async () => {
    const { faker } = Object.fromEntries(api.service.descriptors)
    if (faker === undefined) throw new TypeError('no faker')
    api.service.descriptors.set('faker', { ...faker, auth: [{ kind: 'api_key', field: 'token' }] })
    await run('instances create shop --type faker')
    const alone = await run('instances credentials shop')
    expect(alone.code).toBe(2)
    expect(alone.err).toContain('/token')
    const asked = await run('instances credentials shop', { answers: ['kit-secret-asked'] })
    expect(asked).toMatchObject({ code: 0, err: 'token (not shown): ' })
    expect(asked.out).toContain('credentials ready')
  })

  test('a check that fails has exit code 1, a discovery lists the streams', async () => {
    await run('instances create shop --type faker')
    expect(await run('instances check shop')).toEqual({
      code: 1,
      out: 'shop: it does not work: No token\n',
      err: '',
    })
    await run('instances credentials shop --input -', { stdin: '{"token":"t"}' })
    expect((await run('instances check shop')).code).toBe(0)
    const { out } = await run('instances discover shop --refresh')
    expect(out).toMatch(/^STREAM +SYNC MODES/)
    expect(out).toMatch(/\nusers +full_refresh/)
  })
})

describe('connections', () => {
  beforeEach(async () => {
    await run('instances create source --type faker')
  })

  test('are created, listed, changed, paused, reset and deleted', async () => {
    const create = 'connections create shop --from source --streams users,orders --dest data:shop'
    const created = await run([
      ...create.split(' '),
      '--schedule',
      '*/15 * * * *',
      '--deletes',
      'soft',
    ])
    expect(created).toMatchObject({ code: 0, err: '' })
    expect(created.out).toContain('inactive\nnext: reactor connect connections sandbox shop\n')
    const early = await run('connections runs start shop')
    expect(early).toMatchObject({ code: 1 })
    expect(early.err).toContain('[connection_inactive]')
    expect((await run('connections pause shop')).err).toContain('[connection_inactive]')
    expect((await run('connections activate shop')).out).toBe('shop is active\n')
    expect(await json('connections get shop')).toMatchObject({
      from: 'source',
      destination: 'data:shop',
      streams: [{ name: 'users' }, { name: 'orders' }],
      schedule: { cron: '*/15 * * * *' },
      options: { deletes: 'soft' },
    })
    expect((await run('connections list --status active')).out).toMatch(
      /\nshop +source +data:shop +active +\*\/15 \* \* \* \* +never run\n$/,
    )
    expect(await json('connections list --instance nobody')).toEqual([])
    expect((await run('connections pause shop')).out).toBe('shop is paused\n')
    expect((await run('connections resume shop')).out).toBe('shop is active\n')
    const unscheduled = await run('connections update shop --no-schedule --dest postgres:other')
    expect(unscheduled.out).toMatch(/destination +postgres:other\nschedule +by hand/)
    expect((await run('connections update shop')).code).toBe(2)
    expect((await run('connections reset shop --streams users')).out).toContain(
      'users are forgotten',
    )
    const unknown = await run('connections reset shop --streams nobody')
    expect(unknown.err).toContain('[stream_not_found]')
    expect((await run('connections delete shop')).code).toBe(0)
  })

  test('streams can be said in full, and not twice', async () => {
    const create = ['connections', 'create', 'shop', '--from', 'source', '--dest', 'data:shop']
    const stream = { name: 'users', sync_mode: 'full_refresh', destination_sync_mode: 'overwrite' }
    const options = [...create, '--stream-config', JSON.stringify([stream])]
    expect((await run([...options, '--streams', 'users'])).code).toBe(2)
    expect((await run([...create, '--stream-config', '[{"nam":"users"}]'])).code).toBe(2)
    expect((await run([...create, '--timezone', 'Europe/Oslo'])).code).toBe(2)
    expect((await run(options)).code).toBe(0)
    expect((await run('connections get shop')).out).toContain('users (full_refresh, overwrite)')
  })

  test('a long list is fetched page by page, and no further than asked', async () => {
    for (let index = 0; index < 450; index++)
      await api.service.connections.create({
        ...{ name: `c${String(index).padStart(3, '0')}`, from: 'source', destination: 'data:d' },
      })
    expect(z.array(z.unknown()).parse(await json('connections list'))).toHaveLength(450)
    expect(z.array(z.unknown()).parse(await json('connections list --limit 201'))).toHaveLength(201)
  })
})

describe('sandboxes', () => {
  beforeEach(async () => {
    await run('instances create source --type faker')
    await run('connections create shop --from source --dest data:shop')
  })

  async function token(): Promise<string> {
    const { out } = await run('connections sandbox shop')
    return /connections promote shop --token (rpt\S+)\n$/.exec(out)?.[1] ?? 'none'
  }

  test('show what a run would change, and the command that makes it happen', async () => {
    const { code, out, err } = await run('connections sandbox shop --limit-rows 50', {
      columns: 80,
    })
    expect(code).toBe(0)
    expect(err).toContain('at most 50 records of each stream')
    expect(out).toMatch(/^2 of 2 streams change: at least 65 rows inserted/)
    expect(out).toContain('public.orders -> shop.orders  incremental, append_dedup, key (id)')
    const promote = /\n {2}reactor (connect connections promote shop --token \S+)\n$/.exec(out)?.[1]
    const promoted = await run((promote ?? '').replace('connect ', ''))
    expect(promoted).toMatchObject({ code: 0, err: '' })
    expect(promoted.out).toMatch(/^shop is active; its run run_\S+ is queued\nnext: /)
  })

  test('a token comes from standard input too, and the run is waited for', async () => {
    const stdin = `${await token()}\n`
    const promoting = run('connections promote shop --token - --wait', { stdin })
    await vi.waitFor(() => {
      expect(api.service.runs.active('shop')).toBeDefined()
    })
    api.service.runs.end(api.service.runs.active('shop')?.id ?? '', 'complete')
    expect((await promoting).code).toBe(0)
    expect((await run('connections promote shop --token -', { stdin })).err).toContain('[promote_')
  })

  test('some streams alone give no command; a sandbox is listed, shown and deleted', async () => {
    const { out } = await run('connections sandbox shop --streams users')
    expect(out).toContain('no promote token: only some of the streams')
    const listed = await run('connections sandboxes shop')
    const id = /\n(sbx_\S+) +ready +100 /.exec(listed.out)?.[1] ?? 'none'
    const again = await run(`connections sandboxes shop ${id}`)
    expect(again).toMatchObject({ code: 0, err: '' })
    expect(again.out).toContain('id=7          note: old -> new, total: 12 -> NULL')
    const whole = await json(`connections sandboxes shop ${id}`)
    expect(whole).toMatchObject({
      report: { streams: [{ row_examples: { deleted: [{ id: '3' }] } }, {}] },
    })
    expect((await run('connections sandboxes shop --delete')).code).toBe(2)
    expect((await run(`connections sandboxes shop ${id} --delete`)).out).toContain(`deleted ${id}`)
    expect((await run(`connections sandboxes shop ${id}`)).err).toContain('[sandbox_not_found]')
  })

  test('the exit code says whether a run changes something, where it is asked for', async () => {
    expect((await run('connections sandbox shop')).code).toBe(0)
    expect((await run('connections sandbox shop --exit-code')).code).toBe(2)
    const [{ id }] = z
      .tuple([z.object({ id: z.string() })], z.unknown())
      .parse(await json('connections sandboxes shop'))
    expect((await run(`connections sandboxes shop ${id} --exit-code --json`)).code).toBe(2)
  })

  test('the exit code is 3 if a run would fail for a stream, with and without --exit-code', async () => {
    const details = { stream: 'public.orders', reason: 'it has no key' }
    api.service.sandboxes.failure = new ConnectError('source_failed', { details }).toJSON()
    for (const flags of ['', ' --exit-code', ' --json']) {
      const { code, out } = await run(`connections sandbox shop${flags}`)
      expect(code, flags).toBe(3)
      expect(out).toContain('source_failed')
      expect(out).not.toContain('promote shop --token')
    }
    const [{ id }] = z
      .tuple([z.object({ id: z.string() })])
      .rest(z.unknown())
      .parse(await json('connections sandboxes shop'))
    expect((await run(`connections sandboxes shop ${id}`)).code).toBe(3)
  })

  test('Markdown holds no token, and is no JSON', async () => {
    const { out } = await run('connections sandbox shop --format markdown')
    expect(out).toMatch(/^### Sandbox of <code>shop<\/code>\n\n\*\*2 of 2 streams change/)
    expect(out).not.toContain('rpt.')
    await expect(run('connections sandbox shop --format markdown --json')).rejects.toThrow(
      "Option '--format <FORMAT>' cannot be used with option '--json'",
    )
  })

  test('a promotion takes its token from standard input, where it is said', async () => {
    const promoted = await run('connections promote shop --token -', {
      stdin: `${await token()}\n`,
    })
    expect(promoted).toMatchObject({ code: 0, err: '' })
  })

  test('a promotion that is outdated shows what moved, the new diff and the new command', async () => {
    const first = await token()
    await run('connections update shop --dest data:other')
    const outdated = await run(`connections promote shop --token ${first}`)
    expect(outdated.code).toBe(1)
    expect(outdated.err).toContain('since the sandbox the connection changed [promote_outdated]')
    expect(outdated.out).toMatch(/60 inserted[^]*promote shop --token rpt\S+\n$/)
    const second = await token()
    await run('connections update shop --dest data:shop')
    const forPrograms = await run(`connections promote shop --token ${second} --json`)
    expect(forPrograms.code).toBe(1)
    expect(JSON.parse(forPrograms.out)).toMatchObject({
      error: {
        code: 'promote_outdated',
        docs_url: 'docs/errors/promote_outdated.md',
        details: {
          moved: ['connection'],
          sandbox: { promote_token: expect.any(String) as unknown },
        },
      },
    })
    const third = await token()
    await run(`connections promote shop --token ${third}`)
    const used = await run(`connections promote shop --token ${third}`)
    expect(used.err).toContain('[promote_token_used]')
  })
})

describe('runs', () => {
  beforeEach(async () => {
    await api.withConnection('shop')
  })

  const runIds = z.array(z.object({ id: z.string(), status: z.string() }))
  async function active(): Promise<string> {
    for (;;) {
      const run = api.service.runs.active('shop')
      if (run !== undefined && api.service.runs.followers(run.id) > 0) return run.id
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  test.each([
    ['complete', 0],
    ['failed', 1],
    ['partial', 3],
    ['cancelled', 4],
  ] as const)('a run that was waited for and ended %s gives exit code %i', async (status, code) => {
    const waiting = run('connections runs start shop --wait')
    api.service.runs.end(await active(), status)
    const end = await waiting
    expect(end.code).toBe(code)
    expect(end.err).toContain(`run ${status}: 0 of 2 streams complete, 0 rows loaded`)
    expect(end.err.includes('connections runs retry shop run_')).toBe(status !== 'complete')
  })

  test('warnings of the run as a whole are shown when it ends, and with the run', async () => {
    const warning = 'The source does not show stream notes any more'
    const waiting = run('connections runs start shop --wait')
    const id = await active()
    api.service.runs.end(id, 'complete', { warnings: [warning] })
    const { code, err } = await waiting
    expect(code).toBe(0)
    expect(err).toContain(`\nwarning: ${warning}\nrun complete: `)
    expect((await run(`connections runs get shop ${id}`)).out).toContain(
      `\nrun: warning: ${warning}\n`,
    )
    const found = z.looseObject({}).parse(await json(`connections runs get shop ${id}`))
    expect(found).toMatchObject({ warnings: [warning] })
  })

  test('what happened to the columns of a table is shown when the run ends, and with the run', async () => {
    const waiting = run('connections runs start shop --wait')
    const id = await active()
    const change = { kind: 'widened', column: 'n', type: 'text', was: 'bigint' } as const
    const { streams } = await api.service.runs.find(id)
    api.service.runs.end(id, 'complete', {
      streams: streams.map((stream) => ({ ...stream, tableChanges: [change] })),
    })
    const told =
      'column n became text, and was bigint: it could not hold all values of the source\n'
    expect((await waiting).err).toContain(`  table:   ${told}`)
    expect((await run(`connections runs get shop ${id}`)).out).toContain(`: table: ${told}`)
    const found = z.looseObject({}).parse(await json(`connections runs get shop ${id}`))
    expect(found).toMatchObject({ streams: [{ table_changes: [change] }, {}] })
  })

  test('with --follow and --json the news are objects, a line each, the result last', async () => {
    const following = run('connections runs start shop --follow --json')
    const id = await active()
    api.service.runs.log(id, 'reading')
    api.service.runs.end(id)
    const { out, code } = await following
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => z.looseObject({ type: z.string() }).parse(JSON.parse(line)))
    expect(code).toBe(0)
    expect(lines.at(-1)).toMatchObject({ type: 'result', exit_code: 0, run: { id } })
    expect(lines.filter(({ type }) => type === 'log')).toMatchObject([
      { line: { message: 'queued' } },
      { line: { message: 'reading' } },
    ])
  })

  const phoneAdded: SchemaChange = {
    ...{ name: 'users', namespace: 'public', change: 'changed', columnsLeft: 0 },
    addedColumns: [{ name: 'phone', type: 'string' }],
    ...{ removedColumns: [], typeChanges: [], primaryKey: null, cursor: null, syncModes: null },
  }

  test('a run that was waited for says how the source had changed', async () => {
    const waiting = run('connections runs start shop --wait')
    api.service.runs.end(await active(), 'complete', { schemaChanges: [phoneAdded] })
    const { code, err } = await waiting
    expect(code).toBe(0)
    expect(err.split('\n').slice(-4)).toEqual([
      'the source was not as approved:',
      '  STREAM        CHANGE        WHAT   TYPE',
      '  public.users  column added  phone  string',
      '',
    ])
    const { out } = await run('connections drift shop')
    expect(out).toMatch(/^shop: the last run followed the source:\nSTREAM .*\n.* phone +string\n$/)
  })

  test('a run that the change of its source blocks is told what approves it, and not to retry', async () => {
    const waiting = run('connections runs start shop --wait')
    const details = { connection: 'shop', changes: 'public.users: +phone', run: 'run_1' }
    const error = new ConnectError('schema_drift_blocked', { details }).toJSON()
    const about = { error, schemaChanges: [phoneAdded] }
    api.service.runs.end(await active(), 'failed', about)
    const { code, err } = await waiting
    expect(code).toBe(1)
    expect(err).toMatch(
      /\nrun failed: .*\. A retry is blocked too, until the change is approved: `reactor connect connections sandbox shop` shows what it would do\.\nthe source was not as approved:\n/,
    )
    expect(err).not.toContain('runs retry')
  })

  test('a run that exchanges the rows of a table says so, and no pace of 0', async () => {
    let shown = ''
    const onText = (text: string): void => {
      shown += text
    }
    const waiting = run('connections runs start shop --wait', { onText })
    const id = await active()
    const users = emptyStream({ name: 'users' })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    await vi.waitFor(() => {
      // Where the output is no terminal, a line comes every five seconds.
      vi.setSystemTime(Date.now() + 6_000)
      api.service.runs.move(id, {
        status: 'running',
        streams: [{ ...users, status: 'running', read: 70, loaded: 70, bottleneck: 'exchange' }],
      })
      expect(shown).toContain(
        '0 of 1 stream done: read 70 rows, loaded 70, exchanging the rows of 1 table\n',
      )
    }, 20_000)
    api.service.runs.end(id)
    expect((await waiting).code).toBe(0)
  })

  test('Ctrl-C ends the watching, not the run', async () => {
    const stop = new AbortController()
    const waiting = run('connections runs start shop --wait', { signal: stop.signal })
    const id = await active()
    stop.abort()
    const { code, err } = await waiting
    expect(code).toBe(130)
    expect(err).toContain(`reactor connect connections runs cancel shop ${id}`)
    expect(api.service.runs.active('shop')?.id).toBe(id)
  })

  test('are started, listed, shown, cancelled and retried', async () => {
    const started = await run('connections runs start shop')
    const id = /^(run_\w{26}) is queued\n/.exec(started.out)?.[1] ?? ''
    expect((await run('connections runs start shop')).err).toContain('[run_active]')
    expect((await run(`connections runs cancel shop ${id}`)).out).toBe(`${id} is cancelled\n`)
    expect((await run(`connections runs cancel shop ${id}`)).err).toContain('[run_ended]')
    const retried = z
      .object({ id: z.string() })
      .parse(await json(`connections runs retry shop ${id}`))
    expect((await run(`connections runs get shop ${retried.id}`)).out).toContain(
      `retry of    ${id}`,
    )
    const listed = runIds.parse(await json('connections runs list shop'))
    expect(listed).toMatchObject([
      { id: retried.id, status: 'queued' },
      { id, status: 'cancelled' },
    ])
    expect(runIds.parse(await json('connections runs list shop --status cancelled'))).toHaveLength(
      1,
    )
  })

  test('logs are shown to where they are, or followed to the end; escape sequences in them do nothing', async () => {
    const { id } = await api.service.runs.start('shop')
    for (let index = 0; index < 1_500; index++) api.service.runs.log(id, `line ${index}`)
    api.service.runs.log(id, 'red \u001B[31m and\nmore')
    const { out } = await run(`connections runs logs shop ${id}`)
    expect(out.trimEnd().split('\n')).toHaveLength(1_502)
    expect(out).toMatch(/\d\d:\d\d:\d\d\.\d{3} INFO red �\[31m and more a=1\n$/)
    const after = await run(`connections runs logs shop ${id} --after 1501 --json`)
    expect(JSON.parse(after.out)).toMatchObject({ seq: 1_502 })
    const following = run(`connections runs logs shop ${id} --follow --after 1500`)
    await active()
    api.service.runs.log(id, 'last')
    api.service.runs.end(id)
    const followed = await following
    expect(followed).toMatchObject({ code: 0, err: '' })
    expect(
      followed.out
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(13)),
    ).toEqual(['INFO line 1499 a=1', 'INFO red �[31m and more a=1', 'INFO last a=1'])
  })
})

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
    expect(out).toMatch(/^rk_\w+\n$/)
    const id = /^key (\w+) for "ci"/.exec(err)?.[1] ?? ''
    const environment = {
      HOME: folder,
      REACTOR_CONNECT_URL: api.server.url,
      REACTOR_CONNECT_API_KEY: out.trim(),
    }
    const list = await run('keys list', { environment })
    expect(list.out).toMatch(new RegExp(`\\n${id} +ci `))
    expect(list.out).not.toContain(out.trim())
    expect((await run(`keys revoke ${id}`)).code).toBe(0)
    expect((await run('keys list', { environment })).err).toContain('[unauthorized]')
  })
})

test('drift is shown with the command that approves it', async () => {
  await api.withConnection('shop')
  expect((await run('connections drift shop')).out).toContain('saw what is approved')
  const fingerprint = '0123456789abcdef0123456789abcdef'
  await api.service.connections.drifted('shop', {
    status: 'blocked',
    fingerprint,
    changes: [
      {
        ...{ name: 'users', namespace: 'public', change: 'changed' },
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
    ...{ total: 3, run: 'run_1', detectedAt: '2026-11-26T10:00:00.000Z' },
  })
  const { out } = await run('connections drift shop')
  expect(out.split('\n')).toEqual([
    'STREAM        CHANGE          WHAT          TYPE',
    'public.users  column added    phone         string',
    'public.users  column removed  fax           string',
    'public.users  type changed    age           integer -> number',
    'public.users  primary key     (id) -> none',
    'and 2 more streams',
    'blocked, seen by run_1 2026-11-26 10:00:00Z',
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
  expect(approved.out).toContain('shop: approved; the next run goes by it')
})

test('schemas are listed, and one goes to standard output alone', async () => {
  const schema = { type: 'record', name: 'users', fields: [] } as const
  const fingerprint = '0123456789abcdef'
  api.service.schemas.add({
    ...{ fingerprint, framing: 'record', schema },
    usedBy: [
      {
        ...{ connection: 'shop', name: 'users', namespace: 'public', version: 2, run: 'run_1' },
        ...{ recordFingerprint: fingerprint, blockFingerprint: 'fedcba9876543210' },
        firstSeenAt: '2026-11-26T10:00:00.000Z',
      },
    ],
  })
  expect((await run('schemas list --connection shop')).out).toBe(
    [
      'CONNECTION  STREAM        VERSION  BLOCK             RECORD            FIRST SEEN',
      'shop        public.users  2        fedcba9876543210  0123456789abcdef  2026-11-26 10:00:00Z',
      '',
    ].join('\n'),
  )
  expect(await json('schemas list --connection other')).toEqual([])
  const one = await run(`schemas get ${fingerprint}`)
  expect(JSON.parse(one.out)).toEqual(schema)
  expect(one.err).toBe(`${fingerprint}: one record; used by shop since 2026-11-26 10:00:00Z\n`)
  expect(await json(`schemas get ${fingerprint}`)).toMatchObject({ framing: 'record', schema })
  expect((await run('schemas get ffffffffffffffff')).err).toContain('[schema_not_found]')
})

test('what the service does not have yet keeps its place and says so', async () => {
  await api.withConnection('shop')
  const lines = [
    'receivers create shop-source --webhook events --dispatch job:process-stripe-event',
    'policies conflict create --connection-a a --connection-b b --rules Lead:last_write_wins',
    'actions invoke shop-source ping --input {} --dry-run',
  ]
  for (const line of lines) {
    const { code, err } = await run(line)
    expect({ line, code }).toEqual({ line, code: 1 })
    expect(err).toContain('[not_available]')
  }
  expect((await run('actions list shop-source')).out).toMatch(/\nping +read +synthesized +Ping\n$/)
})

test('a list without rows says so, with the command that makes the first one', async () => {
  const instances = await run('instances list')
  expect(instances.out).toBe(
    'no instances yet, or none that you may see\nnext: reactor connect instances create NAME --type TYPE\n',
  )
  await api.withConnection('shop')
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
  const users = await reactor(['auth', 'users', 'list'], { environment: environment() })
  expect(users.out).toBe('no users yet\nnext: reactor auth users add EMAIL --role ROLE\n')
  expect(await json('connections runs list shop')).toEqual([])
})

test('a list fits the terminal', async () => {
  await run('instances create a-name-that-is-as-long-as-a-name-can-be-or-nearly --type faker')
  const { out } = await run('instances list', { columns: 60 })
  for (const line of out.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(60)
  expect(out).toContain('…')
})

test('the catalog of the service', async () => {
  expect((await run('catalog list --remote')).out).toBe('faker  native  Faker\n')
  const { out } = await run('catalog show faker --remote')
  expect(out).toMatch(/actions +ping\n/)
  expect(out).toMatch(/ {2}token +string +secret\n/)
  expect((await run('catalog show nothing --remote')).err).toContain('[unknown_connector]')
})

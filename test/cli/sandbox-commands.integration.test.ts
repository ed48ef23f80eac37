import { pathToFileURL } from 'node:url'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createShop } from '../support/create-shop.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { endRun } from '../support/run-by-hand.ts'
import { serviceCommands } from './service-commands.ts'
import { longTest } from '../support/long.ts'

const commands = serviceCommands()
const { run, json } = commands

describe('sandboxes', () => {
  beforeEach(async () => {
    await createShop(commands.api)
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
    expect(out).toMatch(/^2 of 2 streams change: 1 row inserted, 1 updated, 1 deleted\n/)
    expect(out).toContain('public.orders -> shop.orders  full_refresh, overwrite_dedup, key (id)')
    const promote = /\n {2}reactor (connect connections promote shop --token \S+)\n$/.exec(out)?.[1]
    const promoted = await run((promote ?? '').replace('connect ', ''))
    expect(promoted).toMatchObject({ code: 0, err: '' })
    expect(promoted.out).toMatch(/^shop is active; its run run_\S+ is queued\nnext: /)
  })

  longTest('a token comes from standard input too, and the run is waited for', async () => {
    const stdin = `${await token()}\n`
    const promoting = run('connections promote shop --token - --wait', { stdin })
    const { connections, runs } = commands.api.store
    const id = await vi.waitFor(async () => {
      const { lastRun } = await connections.get('shop')
      expect(lastRun).not.toBeNull()
      return lastRun?.id ?? ''
    }, 20_000)
    await endRun(runs, id)
    expect((await promoting).code).toBe(0)
    expect((await run('connections promote shop --token -', { stdin })).err).toContain('[promote_')
  })

  test('some streams alone give no command; a sandbox is listed, shown and deleted', async () => {
    const { out } = await run('connections sandbox shop --streams orders')
    expect(out).toContain('no promote token: only some of the streams')
    const listed = await run('connections sandboxes shop')
    const id = /\n(sbx_\S+) +ready +100 /.exec(listed.out)?.[1] ?? 'none'
    const again = await run(`connections sandboxes shop ${id}`)
    expect(again).toMatchObject({ code: 0, err: '' })
    expect(again.out).toMatch(/id=2 +note: old -> new\n/)
    const whole = await json(`connections sandboxes shop ${id}`)
    expect(whole).toMatchObject({
      report: { streams: [{ row_examples: { deleted: [{ id: '3' }] } }] },
    })
    expect((await run('connections sandboxes shop --delete')).code).toBe(2)
    expect((await run(`connections sandboxes shop ${id} --delete`)).out).toContain(`deleted ${id}`)
    expect((await run(`connections sandboxes shop ${id}`)).err).toContain('[sandbox_not_found]')
  })

  longTest(
    'the exit code says whether a run changes something, where it is asked for',
    async () => {
      expect((await run('connections sandbox shop')).code).toBe(0)
      expect((await run('connections sandbox shop --exit-code')).code).toBe(2)
      const [{ id }] = z
        .tuple([z.object({ id: z.string() })], z.unknown())
        .parse(await json('connections sandboxes shop'))
      expect((await run(`connections sandboxes shop ${id} --exit-code --json`)).code).toBe(2)
    },
  )

  test('the exit code is 3 if a run would fail for a stream, with and without --exit-code', async () => {
    // A table of somebody else.
    await commands.api.database.query(
      'CREATE TABLE shop.users (id bigint PRIMARY KEY); INSERT INTO shop.users VALUES (7)',
    )
    for (const flags of ['', ' --exit-code', ' --json']) {
      const { code, out } = await run(`connections sandbox shop${flags}`)
      expect(code, flags).toBe(3)
      expect(out).toContain('destination_table_foreign')
      expect(out).not.toContain('promote shop --token')
    }
    const [{ id }] = z
      .tuple([z.object({ id: z.string() })])
      .rest(z.unknown())
      .parse(await json('connections sandboxes shop'))
    expect((await run(`connections sandboxes shop ${id}`)).code).toBe(3)
  })

  longTest('Markdown holds no token, and is no JSON', async () => {
    const { out } = await run('connections sandbox shop --format markdown')
    expect(out).toMatch(/^### Sandbox of <code>shop<\/code>\n\n\*\*2 of 2 streams change/)
    expect(out).not.toContain('rpt.')
    await expect(run('connections sandbox shop --format markdown --json')).rejects.toThrow(
      "Option '--format <FORMAT>' cannot be used with option '--json'",
    )
  })

  longTest('a promotion takes its token from standard input, where it is said', async () => {
    const promoted = await run('connections promote shop --token -', {
      stdin: `${await token()}\n`,
    })
    expect(promoted).toMatchObject({ code: 0, err: '' })
  })

  longTest(
    'a promotion that is outdated shows what moved, the new diff and the new command',
    async () => {
      const first = await token()
      await run('connections update shop --dest data:other')
      const outdated = await run(`connections promote shop --token ${first}`)
      expect(outdated.code).toBe(1)
      expect(outdated.err).toContain(
        'since the sandbox the connection, the destination changed [promote_outdated]',
      )
      expect(outdated.out).toMatch(/3 inserted[^]*promote shop --token rpt\S+\n$/)
      const second = await token()
      await run('connections update shop --dest data:shop')
      const forPrograms = await run(`connections promote shop --token ${second} --json`)
      expect(forPrograms.code).toBe(1)
      expect(JSON.parse(forPrograms.out)).toMatchObject({
        error: {
          code: 'promote_outdated',
          docs_url: `${pathToFileURL('docs/errors/resource.md').href}#promote_outdated`,
          details: {
            moved: ['connection', 'destination'],
            sandbox: { promote_token: expect.any(String) as unknown },
          },
        },
      })
      const third = await token()
      await run(`connections promote shop --token ${third}`)
      const used = await run(`connections promote shop --token ${third}`)
      expect(used.err).toContain('[promote_token_used]')
    },
  )
})

describe('a comparison', () => {
  test('shows the rows that differ, and keys only to those who may see rows', async () => {
    await createShop(commands.api)
    const { database } = commands.api
    expect(await run('connections compare shop')).toMatchObject({ code: 3 })
    const config = { ...database.address, schemas: ['public'] }
    const plan = await planRun({
      connection: 'shop',
      source: { type: 'postgres', config },
      destination: database.address,
      schema: 'shop',
      log: logConfig('embedded'),
      mode: 'overwrite_dedup',
      types: 'source',
    })
    const { result } = await runPlan(plan)
    expect(result.streams.flatMap(({ error }) => error ?? [])).toEqual([])
    const equal = await run('connections compare shop')
    expect(equal.out).toMatch(/comparison equal: 2 of 2 streams equal/)
    expect(equal.code).toBe(0)
    await database.query(`UPDATE shop.orders SET note = 'changed' WHERE id = 2`)
    const { code, out } = await run('connections compare shop --no-second-look --values')
    expect(code).toBe(5)
    expect(out).toContain('different: id=2 (note: new -> changed)')
    expect(out).toContain('reactor connect connections runs start shop --wait')
    const body = { streams: ['orders'], second_look: false }
    const shown = await commands.api.call('POST /connections/shop/compare', body)
    expect(shown.body).toMatchObject({ result: 'different', streams: [{ different: 1 }] })
  })
})

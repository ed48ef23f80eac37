import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import { emptyStream } from '../../service/run-worker/attempt-streams.ts'
import type { RunOutcome } from '../../service/runs/contract.ts'
import type { SchemaChange } from '../../service/schema-changes/schema.ts'
import { countFollowers } from '../support/follower.ts'
import { settleDrift } from '../support/drift-by-hand.ts'
import { endRun, logOfRun, moveRun } from '../support/run-by-hand.ts'
import { serviceCommands } from './service-commands.ts'
import { longTest, usually } from '../support/long.ts'

const commands = serviceCommands()
const { run, json } = commands

const users = emptyStream({ name: 'users' })
const orders = emptyStream({ name: 'orders' })

async function endedWith(id: string, outcome: Partial<RunOutcome> = {}): Promise<void> {
  await endRun(commands.api.store.runs, id, outcome)
}

describe('runs', () => {
  let followers: () => number
  beforeEach(async () => {
    await commands.api.withConnection('shop')
    followers = countFollowers(commands.api.service.runs)
  })

  const runIds = z.array(z.object({ id: z.string(), status: z.string() }))
  /** The run that a command follows. */
  async function active(): Promise<string> {
    return vi.waitFor(async () => {
      const { lastRun } = await commands.api.store.connections.get('shop')
      expect(lastRun?.status).toBe('queued')
      expect(followers()).toBeGreaterThan(0)
      return lastRun?.id ?? ''
    }, 20_000)
  }

  test.each(
    usually(2, [
      ['complete', 0],
      ['failed', 1],
      ['partial', 3],
      ['cancelled', 4],
    ] as const),
  )('a run that was waited for and ended %s gives exit code %i', async (status, code) => {
    const waiting = run('connections runs start shop --wait')
    await endedWith(await active(), { status, streams: [users, orders] })
    const end = await waiting
    expect(end.code).toBe(code)
    expect(end.err).toContain(`run ${status}: 0 of 2 streams complete, 0 rows loaded`)
    expect(end.err.includes('connections runs retry shop run_')).toBe(status !== 'complete')
  })

  test('warnings of the run as a whole are shown when it ends, and with the run', async () => {
    const warning = 'The source no longer shows stream notes'
    const waiting = run('connections runs start shop --wait')
    const id = await active()
    await endedWith(id, { warnings: [warning] })
    const { code, err } = await waiting
    expect(code).toBe(0)
    expect(err).toContain(`warning: ${warning}\nrun complete: `)
    for (const named of [id, 'latest', ''])
      expect((await run(`connections runs get shop ${named}`.trim())).out).toContain(
        `\nrun: warning: ${warning}\n`,
      )
    expect((await run('connections runs logs shop')).code).toBe(0)
    await commands.api.withConnection('quiet')
    const none = await run('connections runs logs quiet')
    expect(none).toMatchObject({ code: 2 })
    expect(none.err).toContain('runs start quiet --wait')
    const found = z.looseObject({}).parse(await json(`connections runs get shop ${id}`))
    expect(found).toMatchObject({ warnings: [warning] })
  })

  test('what happened to the columns of a table is shown when the run ends, and with the run', async () => {
    const waiting = run('connections runs start shop --wait')
    const id = await active()
    const change = { kind: 'widened', column: 'n', type: 'text', was: 'bigint' } as const
    await endedWith(id, { streams: [{ ...users, tableChanges: [change] }, orders] })
    const reported =
      'column n was changed from bigint to text, which holds all values that the source has now\n'
    expect((await waiting).err).toContain(`  columns: ${reported}`)
    expect((await run(`connections runs get shop ${id}`)).out).toContain(`: columns: ${reported}`)
    const found = z.looseObject({}).parse(await json(`connections runs get shop ${id}`))
    expect(found).toMatchObject({ streams: [{ table_changes: [change] }, {}] })
  })

  test('with --follow and --json the news are objects, a line each, the result last', async () => {
    const following = run('connections runs start shop --follow --json')
    const id = await active()
    await logOfRun(commands.api.store.runs, id, 'queued', 'reading')
    await endedWith(id)
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
    name: 'users',
    namespace: 'public',
    change: 'changed',
    columnsLeft: 0,
    addedColumns: [{ name: 'phone', type: 'string' }],
    removedColumns: [],
    typeChanges: [],
    primaryKey: null,
    cursor: null,
    syncModes: null,
  }

  test('a run that was waited for says how the source had changed', async () => {
    const waiting = run('connections runs start shop --wait')
    const id = await active()
    await settleDrift(commands.api.store, id, { changes: [phoneAdded] })
    await endedWith(id)
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
    const id = await active()
    await settleDrift(commands.api.store, id, { changes: [phoneAdded] })
    await endedWith(id, { status: 'failed', error })
    const { code, err } = await waiting
    expect(code).toBe(1)
    expect(err).toMatch(
      /\nrun failed: .*\. A retry is blocked too, until the change is approved: `reactor connect connections sandbox shop` shows what it would do\.\nthe source was not as approved:\n/,
    )
    expect(err).not.toContain('runs retry')
  })

  test('a run that is waited for shows what fails and is tried again, and no other line of its log', async () => {
    const waiting = run('connections runs start shop --wait')
    const id = await active()
    const { runs } = commands.api.store
    const failed = { code: 'kafka_unreachable', reason: 'Kafka cannot be reached at nowhere:9092' }
    await runs.appendLog(id, [
      { atMs: Date.now(), level: 'info', message: 'run started', fields: {} },
      { atMs: Date.now(), level: 'warn', message: 'attempt failed, trying again', fields: failed },
    ])
    await endedWith(id)
    const { code, err } = await waiting
    expect(code).toBe(0)
    expect(err).toContain(
      'WARN attempt failed, trying again code=kafka_unreachable reason=Kafka cannot be reached at nowhere:9092\n',
    )
    expect(err).not.toContain('run started')
  })

  test('a run that exchanges the rows of a table says so, and no pace of 0', async () => {
    let shown = ''
    const onText = (text: string): void => {
      shown += text
    }
    const waiting = run('connections runs start shop --wait', { onText })
    const id = await active()
    const exchanging = {
      ...users,
      ...({ status: 'running', read: 70, loaded: 70, bottleneck: 'exchange' } as const),
    }
    let readBytes = 0
    onTestFinished(() => {
      vi.useRealTimers()
    })
    await vi.waitFor(async () => {
      // If the output is no terminal, a line comes every five seconds.
      vi.setSystemTime(Date.now() + 6_000)
      await moveRun(commands.api.store.runs, id, [{ ...exchanging, readBytes: ++readBytes }])
      expect(shown).toContain(
        '0 of 1 stream done: read 70 rows, loaded 70, exchanging the rows of 1 table\n',
      )
    }, 20_000)
    await endedWith(id)
    expect((await waiting).code).toBe(0)
  })

  longTest('Ctrl-C ends the watching, not the run', async () => {
    const stop = new AbortController()
    const waiting = run('connections runs start shop --wait', { signal: stop.signal })
    const id = await active()
    stop.abort()
    const { code, err } = await waiting
    expect(code).toBe(130)
    expect(err).toContain(`reactor connect connections runs cancel shop ${id}`)
    expect(await commands.api.service.runs.find(id)).toMatchObject({ status: 'queued' })
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
    const { id } = await commands.api.service.runs.start('shop')
    const lines = Array.from({ length: 1_500 }, (_, index) => `line ${index}`)
    const log = (...messages: string[]) => logOfRun(commands.api.store.runs, id, ...messages)
    await log('queued', ...lines, 'red \u001B[31m and\nmore')
    const { out } = await run(`connections runs logs shop ${id}`)
    expect(out.trimEnd().split('\n')).toHaveLength(1_502)
    expect(out).toMatch(/\d\d:\d\d:\d\d\.\d{3} INFO red �\[31m and more a=1\n$/)
    const after = await run(`connections runs logs shop ${id} --after 1501 --json`)
    expect(JSON.parse(after.out)).toMatchObject({ seq: 1_502 })
    const following = run(`connections runs logs shop ${id} --follow --after 1500`)
    await active()
    await log('last')
    await endedWith(id)
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

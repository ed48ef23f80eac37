import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { airbyteProcessConnector } from '../../../connectors/airbyte-process/connector.ts'
import type { ProcessDefinition } from '../../../connectors/airbyte-process/definition.ts'
import { processType } from '../../../connectors/registry.ts'
import { ConnectError, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import {
  Collected,
  contextOf,
  discovered,
  fullRefreshOf,
  incrementalOf,
  readAll,
  rowsOf,
  statesOf,
} from '../collected.ts'
import { importFake } from '../../support/airbyte-process.ts'
import { newFolder } from '../../support/new-folder.ts'
import { until } from './until.ts'

async function connectorWith(options: Partial<ProcessDefinition> = {}) {
  const file = importFake(await newFolder('airbyte-process'), options)
  return airbyteProcessConnector(processType(file), file)
}

const base = { rows: 95, api_key: 'k-12345678' }

async function ordersOf(config: JsonObject, options: Partial<ProcessDefinition> = {}) {
  const connector = await connectorWith(options)
  const stream = incrementalOf(await discovered(connector, config, 'orders'), 'updated_at')
  return { connector, stream }
}

async function failureOf(work: Promise<unknown>): Promise<ConnectError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  )
  if (error === undefined) throw new Error('it did not fail')
  return error
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('an external connector', () => {
  test('is checked and discovered', async () => {
    const connector = await connectorWith()
    expect(await connector.check(base, contextOf())).toEqual({ status: 'SUCCEEDED' })
    expect(await connector.check({ ...base, api_key: 'wrong' }, contextOf())).toEqual({
      status: 'FAILED',
      message: 'The key is wrong',
    })
    const { streams } = await connector.discover(base, contextOf())
    expect(streams.map(({ name }) => name)).toEqual(['orders', 'notes'])
  })

  test.each(['STREAM', 'GLOBAL', 'LEGACY'])(
    'goes on from a %s state, wherever it was, without a record twice',
    async (form) => {
      const config = { ...base, state_form: form }
      const { connector, stream } = await ordersOf(config)
      const first = await readAll(connector, config, { stream })
      expect(rowsOf(first).map(({ id }) => id)).toEqual(ids(95))
      const states = first.flatMap(({ out }) => out.states)
      expect(states).toHaveLength(10)
      for (const { state, rowsBefore } of [states[2], states[9]].filter((item) => item != null)) {
        const rest = await readAll(connector, config, { stream, states: new Map([['', state]]) })
        expect(rowsOf(rest).map(({ id }) => id)).toEqual(ids(95).slice(rowsBefore))
      }
      const more = { ...config, rows: 100 }
      const next = await readAll(connector, more, { stream, states: statesOf(first) })
      expect(rowsOf(next).map(({ id }) => id)).toEqual([95, 96, 97, 98, 99])
    },
  )

  test('is stopped at a state, and its states keep the digits of their numbers', async () => {
    const config = { ...base, rows: 100_000, state_every: 100 }
    const { connector, stream } = await ordersOf(config)
    const [run] = await readAll(connector, config, { stream, stopAfter: 1 })
    expect(run?.outcome).toBe('stopped')
    expect(run?.out.covered.length).toBe(run?.out.rows.length)
    expect(JSON.stringify(run?.out.lastState)).toContain('12345678901234567890')
  })

  test('that cannot resume a full refresh has one state, at its end', async () => {
    const connector = await connectorWith()
    const stream = fullRefreshOf(await discovered(connector, base, 'notes'))
    const [run] = await readAll(connector, base, { stream })
    expect(run?.out.rows).toHaveLength(95)
    expect(run?.out.states.map(({ rowsBefore }) => rowsBefore)).toEqual([95])
  })

  test('gets a private folder that is removed, and nothing of our environment', async () => {
    const facts = join(await newFolder('facts'), 'facts.json')
    const config = { ...base, facts_file: facts }
    const { connector, stream } = await ordersOf(config)
    await readAll(connector, config, { stream })
    const read = JSON.parse(readFileSync(facts, 'utf8')) as {
      readonly mode: string
      readonly configMode: string
      readonly folder: string
      readonly variables: readonly string[]
    }
    expect(read).toMatchObject({ mode: '700', configMode: '600' })
    expect(existsSync(read.folder)).toBe(false)
    expect(
      read.variables.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)).toSorted(),
    ).toEqual(['HOME', 'LANG', 'PATH', 'TMPDIR'])
  })

  test('writes to the log of the run, and its changed configuration is passed on', async () => {
    const config = { ...base, api_key: 'rotate-me' }
    const { connector, stream } = await ordersOf(config)
    const lines: string[] = []
    const changed: JsonObject[] = []
    const out = new Collected(stream.stream)
    const task = { config, stream, slice: '', state: null, session: null }
    await connector.read(task, out, {
      ...contextOf(),
      logger: pino({ level: 'debug' }, { write: (line: string) => lines.push(line) }),
      configChanged: (value) => changed.push(value),
    })
    expect(changed).toEqual([{ ...config, api_key: 'rotate-me-rotated' }])
    expect(lines.join('')).toContain('begins with key rotate-me')
    expect(lines.join('')).toContain('this line is no message')
  })
})

describe('an external connector that fails', () => {
  const faulty = async (
    fault: JsonValue,
    options: Partial<ProcessDefinition> = {},
    more: JsonObject = {},
  ) => {
    const config = { ...base, fault, ...more }
    const { connector, stream } = await ordersOf(config, options)
    const out = new Collected(stream.stream)
    const task = { config, stream, slice: '', state: null, session: null }
    const error = await failureOf(connector.read(task, out, contextOf()))
    return { error, out }
  }

  test('says how it ended, and what it had sent before is covered by its last state', async () => {
    const crash = await faulty({ kind: 'crash', at: 35 })
    expect(crash.error).toMatchObject({ code: 'airbyte_process_failed', retryable: true })
    expect(crash.error.message).toContain('signal 9')
    expect(crash.out.covered).toHaveLength(30)
    const exit = await faulty({ kind: 'exit', at: 35 })
    expect(exit.error.message).toContain('exit code 3: cannot reach https://api.example.com')
    const refused = await faulty({ kind: 'refused', at: 35 })
    expect(refused.error).toMatchObject({ code: 'source_refused', retryable: false })
    expect(refused.error.message).toContain('The key is not valid')
  })

  test('of a wrong message or a wrong count loads nothing after the last state', async () => {
    const garbage = await faulty({ kind: 'garbage', at: 35 })
    expect(garbage.error.code).toBe('airbyte_message_invalid')
    const count = await faulty({ kind: 'wrong_count', at: 35 })
    expect(count.error.message).toContain(
      'a state counts 11 records since the one before it, and 10',
    )
    expect(count.out.covered).toHaveLength(0)
  })

  test('is ended when it is silent, and when it takes too much memory', async () => {
    const silent = await faulty({ kind: 'silent', at: 35 }, { max_silence_seconds: 1 })
    expect(silent.error.message).toContain('it sent nothing for 1 seconds')
    if (process.platform !== 'linux') return
    const memory = await faulty({ kind: 'memory', at: 35 }, { max_memory_mb: 256 })
    expect(memory.error.message).toContain('it used more than 256 MB of memory')
  })

  test('leaves no process behind', async () => {
    const facts = join(await newFolder('facts'), 'facts.json')
    const config = { ...base, fault: { kind: 'child', at: 5 }, facts_file: facts }
    const { connector, stream } = await ordersOf(config)
    const [run] = await readAll(connector, config, { stream })
    expect(run?.out.rows).toHaveLength(95)
    const { folder } = JSON.parse(readFileSync(facts, 'utf8')) as { readonly folder: string }
    expect(processesIn(folder)).toEqual([])
  })

  test('does not survive the thread that reads it, and neither do its files', async () => {
    const facts = join(await newFolder('facts'), 'facts.json')
    const file = importFake(await newFolder('airbyte-process'))
    const config = { ...base, fault: { kind: 'silent', at: 5 }, facts_file: facts }
    const { stream } = await ordersOf(config)
    const task = { config, stream, slice: '', state: null, session: null }
    const module = new URL('../../../connectors/airbyte-process/connector.ts', import.meta.url).href
    const worker = new Worker(
      `const { workerData: { module, file, task } } = require('node:worker_threads')
       import(module).then(({ airbyteProcessConnector }) => {
         const nothing = () => undefined
         const logger = { info: nothing, warn: nothing, error: nothing, debug: nothing, trace: nothing }
         const out = { records: async () => undefined, state: async () => undefined, rateLimited: nothing }
         const context = { logger, signal: new AbortController().signal, allowedNetworks: [], now: Date.now }
         return airbyteProcessConnector('fake', file).read(task, out, context)
       })`,
      { eval: true, workerData: { module, file, task } },
    )
    await until(() => Promise.resolve(existsSync(facts)))
    const { pid, folder } = JSON.parse(readFileSync(facts, 'utf8')) as {
      readonly pid: number
      readonly folder: string
    }
    expect(existsSync(folder)).toBe(true)
    await worker.terminate()
    await until(() => Promise.resolve(!existsSync(folder) && !isAlive(pid)))
  })

  test('whose program does not exist says so', async () => {
    const connector = await connectorWith({ command: ['/nowhere/source-x'] })
    const error = await failureOf(connector.discover(base, contextOf()))
    expect(error.code).toBe('airbyte_process_not_started')
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Processes whose working directory is the folder: Linux reports a removed one too. */
function processesIn(folder: string): readonly string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
    } catch {
      return false
    }
  })
}

import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'

/**
 * An Airbyte source as a program: `node fake-source.ts spec|check|discover|read --config … --catalog …`. It
 * has two streams, `orders` (incremental) and `notes` (full refresh only), and it can misbehave.
 */
interface Config {
  readonly rows: number
  readonly api_key: string
  readonly state_form?: 'STREAM' | 'GLOBAL' | 'LEGACY'
  readonly state_every?: number
  readonly pad?: number
  readonly fault?: { readonly kind: string; readonly at: number; readonly once_file?: string }
  readonly facts_file?: string
  readonly pause_ms?: number
}

const [, , command = '', ...args] = process.argv
const option = (name: string): string | undefined => args[args.indexOf(`--${name}`) + 1]
const has = (name: string): boolean => args.includes(`--${name}`)
const load = (name: string): unknown => JSON.parse(readFileSync(option(name) ?? '', 'utf8'))

let pending = ''
async function flush(): Promise<void> {
  const text = pending
  pending = ''
  if (text !== '' && !process.stdout.write(text))
    await new Promise((resolve) => process.stdout.once('drain', resolve))
}
function send(message: object): void {
  pending += `${JSON.stringify(message)}\n`
}

const orders = {
  name: 'orders',
  json_schema: {
    type: 'object',
    properties: {
      id: { type: 'integer' },
      item: { type: ['null', 'string'] },
      price: { type: 'number' },
      updated_at: { type: 'string', format: 'date-time' },
    },
  },
  supported_sync_modes: ['full_refresh', 'incremental'],
  source_defined_cursor: true,
  default_cursor_field: ['updated_at'],
  source_defined_primary_key: [['id']],
  is_resumable: true,
}
const notes = {
  name: 'notes',
  json_schema: { type: 'object', properties: { id: { type: 'integer' } } },
  supported_sync_modes: ['full_refresh'],
  is_resumable: false,
}

interface Wanted {
  readonly stream: { readonly name: string }
  readonly sync_mode: string
}

/** The fault of the configuration, unless it has happened before. */
function dueFault({ fault }: Config): Config['fault'] {
  if (fault?.once_file === undefined || !existsSync(fault.once_file)) return fault
  return undefined
}

async function misbehave(config: Config): Promise<void> {
  const { fault } = config
  if (fault?.once_file !== undefined) appendFileSync(fault.once_file, 'x')
  await flush()
  await faults[fault?.kind ?? '']?.(config)
}

/** `wrong_count` is in the states. */
const faults: Readonly<Record<string, (config: Config) => unknown>> = {
  crash: () => process.kill(process.pid, 'SIGKILL'),
  exit: ({ api_key: key }) => {
    process.stderr.write(`cannot reach https://api.example.com with key ${key}\n`)
    process.exit(3)
  },
  refused: async () => {
    const error = { message: 'The key is not valid', failure_type: 'config_error' }
    send({ type: 'TRACE', trace: { type: 'ERROR', emitted_at: Date.now(), error } })
    await flush()
    process.exit(1)
  },
  silent: async () => {
    process.on('SIGTERM', () => undefined)
    await new Promise(() => setInterval(() => undefined, 1_000))
  },
  memory: async () => {
    const held: Buffer[] = []
    for (;;) {
      held.push(Buffer.alloc(16 * 1024 * 1024, 1))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  },
  garbage: () => {
    send({ type: 'RECORD', record: { stream: 'orders' } })
  },
  // Would hold the output open, and live on.
  child: () => {
    spawn('sleep', ['1000'], { stdio: 'inherit' }).unref()
  },
}

function state(config: Config, stream: string, next: number, count: number): void {
  const fault = dueFault(config)
  const wrong = fault?.kind === 'wrong_count' ? 1 : 0
  const stats = { sourceStats: { recordCount: count + wrong } }
  const stream_state = { next, big: 1 }
  // A number that a double would change.
  const text = (message: object): string =>
    JSON.stringify(message).replace('"big":1', '"big":12345678901234567890')
  const own = { stream_descriptor: { name: stream }, stream_state }
  const form = config.state_form ?? 'STREAM'
  const forms = {
    STREAM: { type: 'STREAM', stream: own, ...stats },
    GLOBAL: {
      type: 'GLOBAL',
      global: { shared_state: { seen: next }, stream_states: [own] },
      ...stats,
    },
    LEGACY: { data: { [stream]: stream_state } },
  }
  pending += `${text({ type: 'STATE', state: forms[form] })}\n`
}

interface AnyState {
  readonly type?: string
  readonly stream?: { readonly stream_state: { readonly next: number } }
  readonly global?: {
    readonly stream_states: readonly [{ readonly stream_state: { readonly next: number } }]
  }
}

function nextOf(stream: string): number {
  if (!has('state')) return 0
  const saved = load('state') as AnyState[] | Record<string, { readonly next: number }>
  if (!Array.isArray(saved)) return saved[stream]?.next ?? 0
  const [first] = saved
  return first?.stream?.stream_state.next ?? first?.global?.stream_states[0].stream_state.next ?? 0
}

function orderOf({ pad = 0 }: Config, row: number): object {
  const minute = String(Math.floor(row / 60) % 60).padStart(2, '0')
  const second = String(row % 60).padStart(2, '0')
  return {
    id: row,
    item: `item ${row} ${'x'.repeat(pad)}`,
    price: row / 4,
    updated_at: `2026-01-01T00:${minute}:${second}Z`,
  }
}

async function pause({ pause_ms: ms }: Config): Promise<void> {
  if (ms === undefined) return
  await flush()
  await new Promise((resolve) => setTimeout(resolve, ms))
}

async function readStream(
  config: Config,
  { stream: { name }, sync_mode: mode }: Wanted,
): Promise<void> {
  const status = (text: string): void => {
    const stream_status = { stream_descriptor: { name }, status: text }
    send({ type: 'TRACE', trace: { type: 'STREAM_STATUS', emitted_at: Date.now(), stream_status } })
  }
  status('STARTED')
  const every = config.state_every ?? 10
  const fault = dueFault(config)
  const isIncremental = mode === 'incremental'
  let count = 0
  for (let row = isIncremental ? nextOf(name) : 0; row < config.rows; row += 1) {
    if (fault?.at === row && name === 'orders') await misbehave(config)
    const data = name === 'notes' ? { id: row } : orderOf(config, row)
    send({ type: 'RECORD', record: { stream: name, data, emitted_at: Date.now() } })
    count += 1
    if (name === 'orders' && count % every === 0) {
      state(config, name, row + 1, every)
      await pause(config)
    }
    if (pending.length > 16_384) await flush()
  }
  state(config, name, config.rows, name === 'orders' ? count % every : count)
  status('COMPLETE')
}

async function read(config: Config): Promise<void> {
  if (config.facts_file !== undefined) {
    const { mode } = statSync(process.cwd())
    const facts = {
      mode: (mode & 0o777).toString(8),
      folder: process.cwd(),
      variables: Object.keys(process.env),
      configMode: (statSync(option('config') ?? '').mode & 0o777).toString(8),
      pid: process.pid,
    }
    appendFileSync(config.facts_file, `${JSON.stringify(facts)}\n`)
  }
  send({ type: 'LOG', log: { level: 'INFO', message: `begins with key ${config.api_key}` } })
  pending += 'this line is no message\n'
  const changed = { ...config, api_key: `${config.api_key}-rotated` }
  const control = {
    type: 'CONNECTOR_CONFIG',
    emitted_at: Date.now(),
    connectorConfig: { config: changed },
  }
  if (config.api_key === 'rotate-me') send({ type: 'CONTROL', control })
  const { streams } = load('catalog') as { readonly streams: readonly Wanted[] }
  for (const wanted of streams) await readStream(config, wanted)
  await flush()
}

const spec = {
  documentationUrl: 'https://docs.example.com/fake',
  connectionSpecification: {
    title: 'Fake source',
    type: 'object',
    required: ['rows', 'api_key'],
    additionalProperties: true,
    properties: {
      rows: { type: 'integer' },
      api_key: { type: 'string', airbyte_secret: true },
      state_form: { type: 'string', enum: ['STREAM', 'GLOBAL', 'LEGACY'] },
      state_every: { type: 'integer' },
    },
  },
}

switch (command) {
  case 'spec':
    send({ type: 'SPEC', spec })
    break
  case 'check': {
    const isRight = (load('config') as Config).api_key !== 'wrong'
    const connectionStatus = isRight
      ? { status: 'SUCCEEDED' }
      : { status: 'FAILED', message: 'The key is wrong' }
    send({ type: 'CONNECTION_STATUS', connectionStatus })
    break
  }
  case 'discover':
    send({ type: 'CATALOG', catalog: { streams: [orders, notes] } })
    break
  case 'read':
    await read(load('config') as Config)
    break
  default:
    process.stderr.write(`there is no command ${command}\n`)
    process.exitCode = 2
}
await flush()

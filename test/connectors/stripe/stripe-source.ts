import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { ConnectorContext, ReadTask, RecordOutput } from '../../../connectors/connector.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import {
  isJsonObject,
  type ConfiguredAirbyteStream,
  type JsonObject,
  type JsonValue,
  type RecordData,
} from '../../../protocol/index.ts'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import { passingWaits } from '../collected.ts'

const stripeConnector = await connectorOf('stripe')

export interface StripeRead {
  readonly outcome: 'complete' | 'stopped'
  readonly records: readonly JsonObject[]
  /** Each with the number of records before it. */
  readonly states: readonly { readonly state: JsonValue; readonly recordsBefore: number }[]
  readonly warnings: readonly string[]
  readonly waits: number
}

export interface ReadOptions {
  readonly state?: JsonValue | null
  readonly mode?: ConfiguredAirbyteStream['sync_mode']
  /** Stop after this number of records. */
  readonly stopAfter?: number
  readonly onRecords?: (count: number) => void
  /** Passes only while the connector waits. Default: the clock of this machine. */
  readonly clock?: { ms: number }
}

/** The connector beside a simulator of its own. Their clocks agree. */
export class StripeSource {
  readonly simulator: StripeSimulator
  config: JsonObject

  constructor(simulator: StripeSimulator) {
    this.simulator = simulator
    this.config = { api_key: 'sk_test_reader', api_url: simulator.url }
  }

  static async start(): Promise<StripeSource> {
    const simulator = await StripeSimulator.start()
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    return new StripeSource(simulator)
  }

  context(
    signal = new AbortController().signal,
    warnings: string[] = [],
    clock?: { ms: number },
  ): ConnectorContext {
    const begin = performance.now()
    const passedMs = (): number => clock?.ms ?? performance.now() - begin
    return {
      logger: pino({ level: 'silent' }),
      signal,
      allowedNetworks: ['127.0.0.1/32'],
      now: () => this.simulator.account.now * 1000 + passedMs(),
      ...(clock !== undefined && {
        waits: passingWaits((seconds) => {
          clock.ms += seconds * 1000
        }),
      }),
      warn: (text) => {
        warnings.push(text)
      },
    }
  }

  async read(name: string, options: ReadOptions = {}): Promise<StripeRead> {
    const { mode = 'incremental', state = null, stopAfter = Infinity } = options
    const stop = new AbortController()
    const warnings: string[] = []
    const context = this.context(stop.signal, warnings, options.clock)
    const found = new Collected((count) => {
      options.onRecords?.(count)
      if (count >= stopAfter) stop.abort()
    })
    const task: ReadTask = {
      config: this.config,
      stream: await configuredStream(name, mode, { config: this.config, context }),
      slice: '',
      state,
      session: null,
    }
    const outcome = await stripeConnector.read(task, found, context)
    const { found: records, states, waits } = found
    return { outcome, records, states, warnings, waits }
  }
}

export async function configuredStream(
  name: string,
  mode: ConfiguredAirbyteStream['sync_mode'],
  { config, context }: { readonly config: JsonObject; readonly context: ConnectorContext },
): Promise<ConfiguredAirbyteStream> {
  const { streams } = await stripeConnector.discover(config, context)
  const stream = streams.find((candidate) => candidate.name === name)
  if (stream === undefined) throw new Error(`no stream ${name}`)
  return { stream, sync_mode: mode, destination_sync_mode: 'append_dedup' }
}

export function lastState({ states }: StripeRead): JsonValue | null {
  return states.at(-1)?.state ?? null
}

export function idsOf(records: readonly JsonObject[]): readonly JsonValue[] {
  return records.map(({ id = null }) => id)
}

/**
 * The rows of a table that records are merged into: the highest `changed` of a key, then the last one;
 * deleted ones are not in it.
 */
export function mergedRows(...reads: readonly StripeRead[]): ReadonlyMap<string, JsonObject> {
  const rows = new Map<string, JsonObject>()
  for (const record of reads.flatMap(({ records }) => records)) {
    const key = typeof record.id === 'string' ? record.id : ''
    if (Number(rows.get(key)?.changed ?? 0) <= Number(record.changed)) rows.set(key, record)
  }
  return new Map([...rows].filter(([, row]) => row._ab_cdc_deleted_at == null))
}

export class Collected implements RecordOutput {
  readonly found: JsonObject[] = []
  readonly states: { readonly state: JsonValue; readonly recordsBefore: number }[] = []
  waits = 0
  readonly #onRecords: (count: number) => void

  constructor(onRecords: (count: number) => void) {
    this.#onRecords = onRecords
  }

  records(batch: readonly RecordData[]): Promise<void> {
    for (const record of batch) {
      const plain = JSON.parse(JSON.stringify(record)) as JsonValue
      if (isJsonObject(plain)) this.found.push(plain)
    }
    this.#onRecords(this.found.length)
    return Promise.resolve()
  }

  copyText(): Promise<void> {
    throw new Error('an HTTP source has no lines of COPY')
  }

  state(state: JsonValue): Promise<void> {
    const stored = JSON.parse(JSON.stringify(state)) as JsonValue
    this.states.push({ state: stored, recordsBefore: this.found.length })
    return Promise.resolve()
  }

  rateLimited(): void {
    this.waits += 1
  }
}

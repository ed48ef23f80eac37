import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { bestMatch } from '../../../manifest-interpreter/config/json-schema/best-match.ts'
import { violations } from '../../../manifest-interpreter/config/json-schema/violations.ts'
import { loadManifest } from '../../../manifest-interpreter/manifest/load-manifest.ts'
import { ManifestSource } from '../../../manifest-interpreter/source/manifest-source.ts'
import type { ConnectionStatus } from '../../../manifest-interpreter/source/check-connection.ts'
import type { SourceMessage } from '../../../manifest-interpreter/source/messages.ts'
import { get, isDict, merged } from '../../../manifest-interpreter/value/dict.ts'
import { parseJson } from '../../../manifest-interpreter/value/json.ts'
import type { Dict, Value } from '../../../manifest-interpreter/value/value.ts'
import { FrozenEnvironment } from '../../conformance/frozen-environment.ts'
import type { VendorApi } from '../../fakes/vendors/vendor-api.ts'

const folder = new URL('../../../connectors/manifests/', import.meta.url).pathname

export interface SourceRead {
  readonly records: ReadonlyMap<string, readonly Dict[]>
  /** The last of each stream. */
  readonly states: ReadonlyMap<string, Value>
  readonly failures: readonly string[]
  /** Seconds of the waits. */
  readonly waits: readonly number[]
  readonly rateLimited: readonly string[]
}

/** A manifest beside an API on loopback. The clock stands still but for waits. */
export class LoopbackSource {
  readonly #manifest: string
  readonly #config: Dict
  readonly #api: VendorApi
  /** ISO 8601, UTC. */
  now = '2025-03-01T00:00:00Z'

  constructor(manifest: string, config: object, api: VendorApi) {
    this.#manifest = manifest
    this.#config = dictOf(config)
    this.#api = api
  }

  async check(): Promise<ConnectionStatus> {
    await using source = this.#open(this.#config).source
    return await source.check()
  }

  /** Returns the message of a check if these fields of the configuration are wrong. */
  async refusal(changes: object): Promise<string> {
    await using source = this.#open(merged(this.#config, dictOf(changes))).source
    const status = await source.check()
    return status.status === 'FAILED' ? status.message : 'The check succeeded.'
  }

  async streams(): Promise<readonly string[]> {
    await using source = this.#open(this.#config).source
    return (await source.discover()).map(({ name }) => name)
  }

  /** Reads streams, incrementally if they can, and checks each record against the schema of its stream. */
  async read(
    names: readonly string[],
    states: ReadonlyMap<string, Value> = new Map(),
  ): Promise<SourceRead> {
    const { source, environment, rateLimited } = this.#open(this.#config)
    await using opened = source
    const found = (await opened.discover()).filter(({ name }) => names.includes(name))
    const schemas = new Map(found.map(({ name, json_schema: schema }) => [name, schema]))
    const records = new Map<string, Dict[]>(names.map((name) => [name, []]))
    const last = new Map<string, Value>()
    const failures: string[] = []
    const output = {
      records: (stream: string, batch: readonly Dict[]) => {
        // Checks only some records of a large batch: the others are alike.
        for (const record of batch.slice(0, 50)) expectSchema(stream, record, schemas.get(stream))
        records.get(stream)?.push(...batch.map((record) => dictOf(record)))
        return Promise.resolve()
      },
      message: (message: SourceMessage) => {
        if (message.kind === 'state') last.set(message.stream, dictOf(message.state))
        if (message.kind === 'failure')
          failures.push(`${message.message} ${message.internalMessage ?? ''}`)
        if (message.kind === 'rate-limited') rateLimited.push(message.stream)
        return Promise.resolve()
      },
    }
    const state = [...states].map(([name, value]) => stateMessage(name, value))
    await opened.read({ catalog: catalogOf(found), state }, output).catch((error: unknown) => {
      failures.push(String(error))
    })
    return { records, states: last, failures, waits: environment.waits, rateLimited }
  }

  #open(config: Dict) {
    const rateLimited: string[] = []
    const environment = new FrozenEnvironment({
      frozenTime: this.now,
      sleepAdvancesClock: true,
      uuid: '00000000-0000-4000-8000-000000000000',
      transport: this.#api.transport,
      manifestDirectory: folder,
      emit: (message) => {
        if (message.kind === 'rate-limited') rateLimited.push(message.stream)
      },
    })
    const manifest = loadManifest(this.#manifest)
    const source = new ManifestSource({ manifest, config, environment })
    return { source, environment, rateLimited }
  }
}

/** The text of a manifest that comes with the program. */
export function bundled(type: string): string {
  return readFileSync(`${folder}${type}.yaml`, 'utf8')
}

/** Ids of the records of a stream, sorted. */
export function ids(read: SourceRead, stream: string, key = 'id'): readonly string[] {
  const records = read.records.get(stream) ?? []
  return records.map((record) => textOf(get(record, key))).toSorted()
}

function textOf(value: Value | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function expectSchema(stream: string, record: Dict, schema: Dict | undefined): void {
  const violation = schema && bestMatch(violations(schema, record))
  expect(violation?.message, `a record of ${stream}`).toBeUndefined()
}

function catalogOf(streams: readonly { readonly supported_sync_modes: readonly string[] }[]): Dict {
  return dictOf({
    streams: streams.map((stream) => ({
      stream,
      sync_mode: stream.supported_sync_modes.at(-1) ?? 'full_refresh',
      destination_sync_mode: 'append',
    })),
  })
}

function stateMessage(name: string, state: Value): Value {
  return dictOf({
    type: 'STREAM',
    stream: { stream_descriptor: { name }, stream_state: state },
  })
}

function dictOf(value: object): Dict {
  const parsed = parseJson(JSON.stringify(value))
  if (!isDict(parsed)) throw new TypeError('An object is wanted.')
  return parsed
}

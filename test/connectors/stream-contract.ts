import { beforeAll, afterAll, describe, expect, test } from 'vitest'
import { connectorOf } from '../../connectors/registry.ts'
import type { AirbyteStream, ConfiguredAirbyteStream, JsonObject } from '../../protocol/index.ts'
import type { GateAnswer, GateRequest } from '../fakes/fault-gate.ts'
import { changesContract } from './stream-changes-contract.ts'
import { faultsContract } from './stream-faults-contract.ts'
import { resumeContract } from './stream-resume-contract.ts'
import { StreamBench, type StreamWorld } from './stream-world.ts'

/** What the contract of streams needs of a connector whose streams are lists of a vendor's HTTP API. */
export interface StreamSubject {
  /** A vendor with some records in every list, in several partitions if there are any. */
  openSmall(): Promise<StreamWorld>
  /** One in which the list of this stream has several pages. */
  openPaged(stream: string): Promise<StreamWorld>
  /** Streams that may give a record twice in one read; the documentation says so. */
  readonly repeating: readonly string[]
  readonly credentials: {
    /** Fields of the configuration with which the vendor refuses. */
    readonly wrong: JsonObject
    /** What the check then says, with the fix. */
    readonly fix: RegExp
  }
  /** What credentials may lack: the requests that the vendor refuses then, and the streams that need them. */
  readonly denials: readonly Denial[]
  /** How the vendor says that there were too many requests, beside 429. */
  readonly limits: Readonly<Record<string, GateAnswer>>
}

export interface Denial {
  readonly title: string
  readonly refuses: (request: GateRequest) => boolean
  readonly answer: GateAnswer
  readonly streams: readonly string[]
  /** What the error says. */
  readonly fix: RegExp
}

/** What the streams of a connector promise while the vendor, the network and the reader do what they do. Call it inside a `describe`. */
export function streamContract(type: string, subject: StreamSubject): void {
  const connector = connectorOf(type)

  describe('beside a small vendor', () => {
    const small = openedBench(() => StreamBench.open(connector, () => subject.openSmall()))

    test('a discovery gives the same streams each time, and they are those of the descriptor', async () => {
      const first = await small().discover()
      expect(await small().discover()).toEqual(first)
      const described = await connector.streams?.()
      expect(first.map(descriptionOf)).toEqual(
        described?.streams.map(({ name, primaryKey, cursorField, syncModes, isResumable }) => ({
          name,
          primaryKey,
          cursorField,
          syncModes,
          isResumable,
        })),
      )
      expect(described?.generatesStreams).toBe(false)
    })

    test('every stream that may repeat a record has a key that removes the double', async () => {
      const streams = await small().streams()
      for (const name of subject.repeating) {
        const stream = streams.find((candidate) => candidate.name === name)
        expect(stream?.source_defined_primary_key, name).toBeDefined()
      }
    })

    resumeContract(subject, small)
    faultsContract(subject, small)
  })

  changesContract(connector, subject)
}

/** Opened once for a group of tests. */
export function openedBench(open: () => Promise<StreamBench>): () => StreamBench {
  let bench: StreamBench | undefined
  beforeAll(async () => {
    bench = await open()
  })
  afterAll(() => bench?.[Symbol.asyncDispose]())
  return () => {
    if (bench === undefined) throw new Error('the bench is not open')
    return bench
  }
}

/** Each way in which a stream can be read. */
export function readings(stream: AirbyteStream): readonly ConfiguredAirbyteStream[] {
  return stream.supported_sync_modes.map((mode) => ({
    stream,
    sync_mode: mode,
    destination_sync_mode: 'append_dedup',
    ...(mode === 'incremental' && { cursor_field: stream.default_cursor_field }),
  }))
}

function descriptionOf(stream: AirbyteStream) {
  return {
    name: stream.name,
    primaryKey: (stream.source_defined_primary_key ?? []).map((path) => path.join('.')),
    cursorField: stream.default_cursor_field?.join('.') ?? null,
    syncModes: stream.supported_sync_modes,
    isResumable: stream.is_resumable,
  }
}

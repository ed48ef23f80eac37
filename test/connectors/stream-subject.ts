import { afterAll, beforeAll } from 'vitest'
import type { AirbyteStream, ConfiguredAirbyteStream, JsonObject } from '../../protocol/index.ts'
import type { GateAnswer, GateRequest } from '../fakes/fault-gate.ts'
import type { StreamBench, StreamWorld } from './stream-world.ts'

/** The contract of streams needs this from a connector whose streams are lists of a vendor's HTTP API. */
export interface StreamSubject {
  /** A vendor with some records in every list, in several partitions if there are any. */
  openSmall(): Promise<StreamWorld>
  /** One in which this list has several pages. Without a name it only says which lists there are. */
  openPaged(list: string): Promise<StreamWorld>
  /** Streams that may give a record twice in one read; the documentation says so. */
  readonly repeating: readonly string[]
  readonly credentials: {
    /** Fields of the configuration with which the vendor refuses. */
    readonly wrong: JsonObject
    /** The check then reports this fix. */
    readonly fix: RegExp
  }
  /**
   * Permissions that credentials may lack: the requests that the vendor then refuses, and the streams that
   * need them.
   */
  readonly denials: readonly Denial[]
  /** How the vendor says that there were too many requests, beside 429. */
  readonly limits: Readonly<Record<string, GateAnswer>>
}

export interface Denial {
  readonly title: string
  readonly refuses: (request: GateRequest) => boolean
  readonly answer: GateAnswer
  readonly streams: readonly string[]
  /** The error contains this fix. */
  readonly fix: RegExp
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

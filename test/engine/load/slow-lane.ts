import { setTimeout as sleep } from 'node:timers/promises'
import type { LaneStats, SinkLane, SinkStream, StreamSync } from '../../../sinks/sink.ts'
import { noCounts } from '../../../sinks/committed-counts.ts'

const stats: LaneStats = {
  loaded: 0,
  rejected: 0,
  nulled: 0,
  cut: 0,
  deleted: 0,
  losses: [],
  copySeconds: 0,
  mergeSeconds: 0,
  commitSeconds: 0,
}

/**
 * A lane that reads each block as it comes, and whose flushes and commits take as long as a slow
 * destination's.
 */
export class SlowLane implements SinkLane {
  readonly sums: number[] = []
  onPause: () => void = () => undefined

  setColumns(): Promise<void> {
    return Promise.resolve()
  }
  write({ bytes }: Parameters<SinkLane['write']>[0]): Promise<void> {
    const copy = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.sums.push(copy.reduce((sum, byte) => sum + byte, 0))
    return Promise.resolve()
  }
  reject(): Promise<void> {
    return Promise.resolve()
  }
  flush(): Promise<void> {
    return this.#pause()
  }
  async commit(): Promise<LaneStats> {
    await this.#pause()
    return stats
  }
  rollback(): Promise<void> {
    return Promise.resolve()
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  async #pause(): Promise<void> {
    this.onPause()
    await sleep(20)
  }
}

const sink: SinkStream = {
  connection: 'c',
  columns: [],
  mode: 'append',
  metadata: 'full',
  deletes: 'hard',
  stream: {
    stream: { name: 's', json_schema: {}, supported_sync_modes: ['full_refresh'] },
    sync_mode: 'full_refresh',
    destination_sync_mode: 'append',
  },
}
/** A stream without columns, at its beginning. */
export const sync: StreamSync = {
  sink,
  streamId: { name: 's' },
  syncId: 1,
  generationId: 0,
  epoch: 1,
  resumed: false,
  ...{
    tableNotes: [],
    warnings: [],
    doneInRun: false,
    slices: [],
    positions: [],
    attemptKeys: ['first'],
  },
  ...{
    start: 1,
    startedAtMs: 0,
    isOlder: false,
    untoldCounts: { kept: noCounts, staged: noCounts, replaced: noCounts },
  },
}

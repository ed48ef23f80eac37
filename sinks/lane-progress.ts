import { ConnectError, streamLabel } from '../protocol/index.ts'
import type { SliceCheckpoint, StreamSync } from './sink.ts'

/** The counts of a slice in a transaction. */
export interface SliceCounts {
  readonly loaded: number
  readonly rejected: number
}

interface Progress extends SliceCounts {
  /** The record that comes next. */
  readonly next: number
}

/**
 * Counts the records that a lane has taken of each slice since the last commit, and checks that none is
 * missing or doubled.
 */
export class LaneProgress {
  readonly #stream: string
  #committed: Map<string, number>
  #open = new Map<string, Progress>()

  constructor(sync: StreamSync) {
    this.#stream = streamLabel(sync.streamId)
    this.#committed = new Map(sync.slices.map(({ slice, seq }) => [slice, seq]))
  }

  /** Counts of the open transaction, by slice. */
  get counts(): ReadonlyMap<string, SliceCounts> {
    return this.#open
  }

  total(what: keyof SliceCounts): number {
    let total = 0
    for (const progress of this.#open.values()) total += progress[what]
    return total
  }

  /** Records come in order, each once. */
  take(slice: string, seq: number, counts: SliceCounts): void {
    const { next, loaded, rejected } = this.#of(slice)
    if (seq !== next) throw this.#mismatch(next, seq)
    this.#open.set(slice, {
      next: next + counts.loaded + counts.rejected,
      loaded: loaded + counts.loaded,
      rejected: rejected + counts.rejected,
    })
  }

  /** A record that was taken to be loaded was left out. */
  reject(slice: string): void {
    const { next, loaded, rejected } = this.#of(slice)
    this.#open.set(slice, { next, loaded: loaded - 1, rejected: rejected + 1 })
  }

  /** Every record that was taken is covered by a state, and no more than those. */
  requireCovered(slices: readonly SliceCheckpoint[]): void {
    const states = new Map(slices.map(({ slice, seq }) => [slice, seq]))
    for (const slice of new Set([...states.keys(), ...this.#open.keys()])) {
      const { next } = this.#of(slice)
      const covered = states.get(slice) ?? this.#committed.get(slice) ?? 0
      if (covered !== next) throw this.#mismatch(covered, next)
    }
  }

  committed(): void {
    for (const [slice, { next }] of this.#open) this.#committed.set(slice, next)
    this.#open = new Map()
  }

  rolledBack(): void {
    this.#open = new Map()
  }

  #of(slice: string): Progress {
    const next = this.#committed.get(slice) ?? 0
    return this.#open.get(slice) ?? { next, loaded: 0, rejected: 0 }
  }

  #mismatch(expected: number, actual: number): ConnectError {
    return new ConnectError('accounting_mismatch', {
      details: { stream: this.#stream, expected, actual },
    })
  }
}

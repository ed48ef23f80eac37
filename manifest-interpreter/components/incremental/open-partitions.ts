import { equals } from '../../value/equality.ts'
import { PythonError } from '../../value/python-error.ts'
import type { Dict } from '../../value/value.ts'

/** Partitions whose keys are remembered, so that a partition that comes twice is read once. */
const MAX_REMEMBERED = 25_000

interface OpenPartition {
  /** Counts the partitions in the order in which they came. */
  readonly sequence: number
  /** Slices that were given out and are not closed yet. */
  openSlices: number
  hasAllSlices: boolean
}

/**
 * Which partitions are being read. A parent's state is final when all partitions that came before it, and its
 * own, have been read: a later read may start from it without missing a partition.
 */
export class OpenPartitions {
  readonly #open = new Map<string, OpenPartition>()
  readonly #seen = new Set<string>()
  #count = 0
  /** The parents' state when a partition came; only changes are stored. */
  readonly #parentStates: { readonly sequence: number; readonly state: Dict | null }[] = []

  /** False for a partition that has come before. */
  begin(key: string, parentState: Dict | null): boolean {
    if (this.#seen.has(key)) return false
    this.#remember(key)
    const sequence = this.#count++
    this.#open.set(key, { sequence, openSlices: 0, hasAllSlices: false })
    const last = this.#parentStates.at(-1)
    if (last === undefined || !equals(last.state, parentState))
      this.#parentStates.push({ sequence, state: parentState })
    return true
  }

  addSlice(key: string, { isLast }: { readonly isLast: boolean }): void {
    const partition = this.#partition(key)
    partition.openSlices++
    partition.hasAllSlices = isLast
  }

  /** True if this was the last of the partition. */
  closeSlice(key: string): boolean {
    const partition = this.#partition(key)
    partition.openSlices--
    const isFinished = partition.hasAllSlices && partition.openSlices === 0
    if (isFinished) this.#open.delete(key)
    return isFinished
  }

  isOpen(key: string): boolean {
    return this.#open.has(key)
  }

  /** True if no slice is being read, or has failed. */
  areAllRead(): boolean {
    for (const { openSlices } of this.#open.values()) if (openSlices > 0) return false
    return true
  }

  /** The newest state of the parents that has become final since the last call. */
  finishedParentState(): Dict | null {
    // In the order of their sequence, as they came.
    const [oldest] = this.#open.values()
    let finished: Dict | null = null
    for (;;) {
      const [next] = this.#parentStates
      if (next === undefined || (oldest !== undefined && oldest.sequence <= next.sequence))
        return finished
      this.#parentStates.shift()
      finished = next.state ?? finished
    }
  }

  #partition(key: string): OpenPartition {
    const partition = this.#open.get(key)
    if (partition === undefined)
      throw new PythonError('KeyError', 'A slice belongs to a partition that is not being read.')
    return partition
  }

  #remember(key: string): void {
    this.#seen.add(key)
    if (this.#seen.size <= MAX_REMEMBERED) return
    const [oldest] = this.#seen
    if (oldest !== undefined) this.#seen.delete(oldest)
  }
}

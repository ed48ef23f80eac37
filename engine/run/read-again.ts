interface LaneReads {
  /** Records of the lane's slices, from the beginning of the sync to where the read is … */
  position: number
  /** … and to where it came at most. */
  furthest: number
}

/**
 * Counts records that are read a second time: an attempt continues from the last checkpoint, or from the log,
 * and the previous attempt had come further.
 */
export class ReadAgain {
  #syncId: number | undefined
  /** By partition. */
  #lanes = new Map<number, LaneReads>()
  #count = 0
  #beginsAgain = false

  get count(): number {
    return this.#count
  }

  /** The next sync of the stream reads what this one has read. */
  noteBegunAgain(): void {
    this.#beginsAgain = true
  }

  /**
   * @param position records of the lane's slices that are not read now: they have been loaded, or are in the
   * log
   */
  openLane(partition: number, { syncId, position }: LaneStart): void {
    // The next sync of the stream in this run reads what the last one did not.
    if (syncId !== this.#syncId && !this.#beginsAgain) this.#lanes = new Map()
    this.#syncId = syncId
    this.#beginsAgain = false
    const furthest = Math.max(position, this.#lanes.get(partition)?.furthest ?? 0)
    this.#lanes.set(partition, { position, furthest })
  }

  read(partition: number, records: number): void {
    const lane = this.#lanes.get(partition)
    if (lane === undefined) return
    this.#count += Math.min(records, lane.furthest - lane.position)
    lane.position += records
    lane.furthest = Math.max(lane.furthest, lane.position)
  }
}

export interface LaneStart {
  readonly syncId: number
  readonly position: number
}

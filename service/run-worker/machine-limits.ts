import { availableParallelism, totalmem } from 'node:os'
import { defaultParallelLanes } from '../../engine/run-types.ts'

/** The facts that the limit depends on. */
export interface Machine {
  readonly cores: number
  /** The memory of the machine, or of the container if it has less. */
  readonly memoryMb: number
  /** The parallel lanes of a run. */
  readonly parallelLanes: number
}

/** Memory of the process itself, with an embedded PostgreSQL beside it. */
const processMb = 512
/** Measured 2026-11: two lanes peak at 200 to 300 MB. */
const laneMb = 150
/**
 * Each run has two threads a lane, and beats and queries on the main thread. With 25 runs a core, beats came
 * so late that runs were taken for lost, and /healthz took 18 s (2026-11, 2 cores).
 */
const runsPerCore = 4
const lanesPerCore = 4

/**
 * How many runs a process can execute at the same time and still respond. At least 1. docs/operations.md has
 * the formula.
 */
export function mostParallelRuns({ cores, memoryMb, parallelLanes }: Machine): number {
  const byMemory = Math.floor((memoryMb - processMb) / (parallelLanes * laneMb))
  return Math.max(1, Math.min(runsPerCore * cores, byMemory))
}

/**
 * How many lanes a process moves at the same time, for all its runs together: each has a thread that reads
 * and one that loads. Many wait for an API or a database, so there are more lanes than cores; and no active
 * run waits for all lanes of another. At least 2.
 */
export function mostLanes(
  { cores, memoryMb, parallelLanes }: Machine,
  parallelRuns: number,
): number {
  const byMemory = Math.floor((memoryMb - processMb) / laneMb)
  return Math.max(
    2,
    Math.min(Math.max(lanesPerCore * cores, parallelLanes * parallelRuns), byMemory),
  )
}

export function thisMachine(): Machine {
  const totalMb = totalmem() / 1024 ** 2
  // 0, or more than the machine has, means that there is no limit.
  const limitMb = process.constrainedMemory() / 1024 ** 2
  return {
    cores: availableParallelism(),
    memoryMb: limitMb > 0 && limitMb < totalMb ? limitMb : totalMb,
    parallelLanes: defaultParallelLanes,
  }
}

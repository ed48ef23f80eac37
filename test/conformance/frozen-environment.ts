import type { Environment, SideMessage, Transport } from '../../manifest-interpreter/contracts.ts'
import { silent } from '../support/logger.ts'
import { neverAborted } from '../support/signal.ts'

export interface FrozenOptions {
  /** ISO 8601, UTC, to the microsecond. */
  readonly frozenTime: string
  /** True: a sleep of n seconds moves the clock by n seconds plus a millisecond. */
  readonly sleepAdvancesClock: boolean
  readonly uuid: string
  readonly transport: Transport
  readonly manifestDirectory: string
  readonly emit: (message: SideMessage) => void
}

/** A world without time and chance: sleeping returns at once. */
export class FrozenEnvironment implements Environment {
  readonly logger = silent
  readonly signal = neverAborted()
  readonly transport: Transport
  readonly manifestDirectory: string
  readonly emit: (message: SideMessage) => void
  /** Seconds of every wait. */
  readonly waits: number[] = []
  readonly #uuid: string
  readonly #advances: boolean
  #nowMicros: number

  constructor(options: FrozenOptions) {
    this.transport = options.transport
    this.manifestDirectory = options.manifestDirectory
    this.emit = options.emit
    this.#uuid = options.uuid
    this.#advances = options.sleepAdvancesClock
    this.#nowMicros = microsOf(options.frozenTime)
  }

  nowMicros(): number {
    return this.#nowMicros
  }

  async sleep(seconds: number): Promise<void> {
    this.waits.push(seconds)
    if (this.#advances) this.#nowMicros += Math.round(seconds * 1e6) + 1000
    // Others get their turn, as they would while this one sleeps.
    await new Promise((resolve) => setImmediate(resolve))
  }

  uuid(): string {
    return this.#uuid
  }

  random(low: number): number {
    return low
  }
}

function microsOf(time: string): number {
  const [, seconds = '', fraction = ''] = /^([^.Z]+)(?:\.(\d+))?Z?$/.exec(time) ?? []
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

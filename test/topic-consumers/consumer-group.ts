import { setTimeout as delay } from 'node:timers/promises'
import {
  positionsOf,
  startReader,
  tableOf,
  type ConsumerProcess,
  type ConsumerProgram,
  type ReaderOptions,
} from './consumer-programs.ts'

/** As the consumers set it. */
const sessionMs = 6_000

/** Members of a consumer group that share one store; one more after somebody joined. */
export class ConsumerGroup {
  readonly program: ConsumerProgram
  readonly #options: ReaderOptions
  readonly #size: number
  readonly #members: ConsumerProcess[] = []
  readonly #words: string[] = []

  constructor(program: ConsumerProgram, options: ReaderOptions, size: number) {
    this.program = program
    this.#options = options
    this.#size = size
    this.start()
  }

  get name(): string {
    return this.#options.group
  }

  get store(): string {
    return this.#options.store
  }

  /** The end of what its members wrote. */
  words(): string {
    const living = this.#members.map((member) => member.words())
    return [...this.#words, ...living].join('').slice(-4_000)
  }

  start(): void {
    while (this.#members.length < this.#size) this.#add()
  }

  /** SIGKILL to one member; another one comes in its place. */
  async killOne(): Promise<void> {
    await this.#kill(this.#members.shift())
    this.#add()
  }

  /** One more member, or one less if there is one more already. */
  async join(): Promise<void> {
    if (this.#members.length > this.#size) await this.#kill(this.#members.pop())
    else this.#add()
  }

  /** A member hangs for so long that the group goes on without it. */
  async pauseOne(): Promise<void> {
    await this.#members[0]?.pause(sessionMs + 3_000)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.splice(0).map((member) => this.#kill(member)))
  }

  /** Resolves when the copy holds all of the topic. */
  async caughtUp(topic: string, ends: ReadonlyMap<number, number>, limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs
    for (;;) {
      for (const member of this.#members)
        if (member.hasEnded) throw new Error(`${this.name}: a member has ended: ${member.words()}`)
      const positions = positionsOf(this.store, topic)
      if ([...ends].every(([partition, end]) => (positions.get(partition) ?? 0) >= end)) return
      if (Date.now() > deadline)
        throw new Error(
          `${this.name} is at ${JSON.stringify([...positions])} of ${topic}, whose ends are ${JSON.stringify([...ends])}: ${this.words()}`,
        )
      await delay(100)
    }
  }

  async table(topic: string): Promise<readonly string[]> {
    return tableOf(this.program, this.store, topic)
  }

  #add(): void {
    this.#members.push(startReader(this.program, this.#options))
  }

  async #kill(member: ConsumerProcess | undefined): Promise<void> {
    if (member === undefined) return
    await member.kill9()
    this.#words.push(member.words())
  }
}

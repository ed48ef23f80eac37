import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom } from '../support/random.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerProgram } from './consumer-programs.ts'
import { DestinationBackup } from './destination-backup.ts'
import { seedCopies } from './seed-copies.ts'
import { openShopWorld, type ShopWorld, type WorldOptions } from './shop-world.ts'
import { changeRows, changeSchema, pick, setPause, shopStreams, topicOf } from './stream-shop.ts'
import { comparableRows, differences, printedRows } from './table-rows.ts'
import { deleteRead, endsOf } from './topic-offsets.ts'

export interface Play extends WorldOptions {
  readonly rounds: number
  readonly seed: number
  readonly consumers: readonly ConsumerProgram[]
  /** For the copies. */
  readonly folder: string
  readonly say: (text: string) => void
}

export interface PlayEnd {
  /** Tables of consumers that were compared with those of the destination. */
  readonly compared: number
}

const shares = {
  schemaChange: 0.5,
  engineKill: 0.5,
  consumerKill: 0.5,
  retention: 0.25,
  restore: 0.12,
}
/** Late readers begin after a round with retention, from here on. */
const lateFrom = 3
const caughtUpLimitMs = 90_000

/**
 * Rounds of changes, kills and comparisons. Rejects when a consumer's table is not that of the destination.
 */
export async function playRounds(play: Play): Promise<PlayEnd> {
  await using world = await openShopWorld(play)
  await world.run()
  await using rounds = new Rounds(play, world)
  for (let round = 1; round <= play.rounds; round++) {
    const startedMs = Date.now()
    const did = await rounds.play(round)
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
    play.say(
      `round ${round}: ${rounds.compared} tables equal; ${did.join('; ') || 'quiet'}; ${seconds} s`,
    )
  }
  return { compared: rounds.compared }
}

class Rounds implements AsyncDisposable {
  readonly #play: Play
  readonly #world: ShopWorld
  readonly #random: () => number
  readonly #backup: DestinationBackup
  readonly #groups: ConsumerGroup[]
  /** Groups that begin again after the next run. */
  #stopped: ConsumerGroup[] = []
  #hasLateReaders = false
  compared = 0

  constructor(play: Play, world: ShopWorld) {
    this.#play = play
    this.#world = world
    this.#random = seededRandom(play.seed)
    this.#backup = new DestinationBackup(play.source, play.destination)
    this.#groups = play.consumers.map((program) => this.#group(program, program.name, 2))
  }

  /** Gives what happened in the round. */
  async play(round: number): Promise<readonly string[]> {
    const { source } = this.#play
    const did: string[] = []
    if (this.#happens(shares.restore) && (await this.#restore())) did.push('restored')
    await changeRows(source, this.#random)
    if (this.#happens(shares.schemaChange)) did.push(await changeSchema(source, this.#random))
    const disturbed = this.#disturb()
    for (const afterMs of this.#kills()) {
      did.push(`killed after ${afterMs} ms`)
      await setPause(source, 1 + this.#random() * 4)
      await this.#world.killedRun(afterMs)
      if (this.#happens(0.4)) await changeRows(source, this.#random)
    }
    await setPause(source, 0)
    await this.#world.run()
    await this.#beginAgain()
    did.push(...(await disturbed))
    await this.#compare()
    if (this.#happens(shares.restore * 2)) await this.#backup.make()
    if (this.#happens(shares.retention)) {
      did.push('retention')
      const stores = this.#groups.map(({ store }) => store)
      await deleteRead(this.#play.brokers, this.#world.topics, stores)
      if (!this.#hasLateReaders && round >= lateFrom) {
        did.push('late readers')
        await this.#addLateReaders()
      }
    }
    return did
  }

  #happens(share: number): boolean {
    return this.#random() < share
  }

  #group(program: ConsumerProgram, name: string, members: number): ConsumerGroup {
    const { brokers, folder } = this.#play
    const { prefix, topics } = this.#world
    const options = { brokers, store: join(folder, name), group: `${prefix}-${name}`, topics }
    return new ConsumerGroup(program, options, members)
  }

  /** After how many milliseconds the runs of this round are killed: none, one or two. */
  #kills(): readonly number[] {
    const moments: number[] = []
    while (moments.length < 2 && this.#happens(shares.engineKill))
      moments.push(Math.floor(700 + this.#random() * 4_000))
    return moments
  }

  /** Kills, adds and halts members of the groups while runs go on. Gives what it did. */
  async #disturb(): Promise<readonly string[]> {
    const living = this.#groups.filter((group) => !this.#stopped.includes(group))
    const done = living.map(async (group) => {
      if (!this.#happens(shares.consumerKill)) return []
      const afterMs = Math.floor(500 + this.#random() * 4_000)
      const event = pick(['killOne', 'killOne', 'join', 'join', 'pauseOne'] as const, this.#random)
      await delay(afterMs)
      await group[event]()
      return [`${group.program.name} ${event}`]
    })
    return (await Promise.all(done)).flat()
  }

  /** Waits until all copies are at the ends of the topics, and compares their tables. */
  async #compare(): Promise<void> {
    for (const { name: schema } of this.#world.connections)
      for (const { name } of shopStreams) {
        const rows = await printedRows(this.#play.destination, { schema, name })
        const topic = topicOf(schema, name)
        const ends = await endsOf(this.#play.brokers, topic)
        for (const group of this.#groups) {
          await group.caughtUp(topic, ends, caughtUpLimitMs)
          await this.#compareCopy(group, topic, comparableRows(rows))
        }
      }
  }

  async #compareCopy(
    group: ConsumerGroup,
    topic: string,
    expected: readonly string[],
  ): Promise<void> {
    const actual = comparableRows(await group.table(topic))
    const found = differences(expected, actual)
    if (found.length > 0)
      throw new Error(
        `${group.name}: ${found.length} differences in ${topic}, which has ${expected.length} rows (here ${actual.length}):\n` +
          `${found.slice(0, 6).join('\n')}\n${group.words()}`,
      )
    this.compared += 1
  }

  /**
   * The destination is as it was rounds ago. A copy that stores all versions goes on; a copy that stores only
   * the newest, or that began with the destination's table, begins again after the next run. False if there
   * is no backup.
   */
  async #restore(): Promise<boolean> {
    if (!(await this.#backup.restore())) return false
    this.#stopped = this.#groups.filter(
      ({ program, store }) => !program.keepsVersions || store.includes('late-'),
    )
    await Promise.all(this.#stopped.map((group) => group.stop()))
    return true
  }

  async #beginAgain(): Promise<void> {
    for (const group of this.#stopped.splice(0)) {
      await rm(group.store, { recursive: true, force: true })
      await this.#seed(group.program, group.store)
      group.start()
    }
  }

  async #addLateReaders(): Promise<void> {
    this.#hasLateReaders = true
    for (const program of this.#play.consumers) {
      const name = `late-${program.name}`
      await this.#seed(program, join(this.#play.folder, name))
      this.#groups.push(this.#group(program, name, 1))
    }
  }

  async #seed(program: ConsumerProgram, store: string): Promise<void> {
    const { brokers, destination } = this.#play
    const connections = this.#world.connections.map(({ name }) => name)
    await seedCopies({ program, store, brokers, destination, connections })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#groups.map((group) => group.stop()))
    await this.#backup[Symbol.asyncDispose]()
  }
}

import { resetCommands } from '../../lib/text/reset-commands.ts'
import { ConnectError, streamLabel } from '../../protocol/index.ts'
import { messageHeaders, planValue, type PlanValue } from '../log/kafka/message-schemas.ts'
import { valueOf } from './message-value.ts'
import { isOverwrite, syncsOfTable, type SyncCopy, type TopicMessage } from './rebuild-table.ts'

/** The facts that one partition has reported about its own beginning, and about the ends of syncs. */
interface SeenPartition {
  /** The first offset that the partition still has. */
  readonly begin: bigint
  first: { readonly type: string; readonly sync: string; readonly attempt: number } | undefined
  readonly plans: PlanValue[]
  /** Attempts by sync: those whose SYNC_END has come. */
  readonly ended: Map<number, number>
}

/**
 * Whether all messages are there that a table is made of (docs/topics.md, rule 4): retention takes the first
 * ones, and a topic may have been made again. Takes the same messages as the `TableRebuild`.
 */
export class MissingMessages {
  readonly #topic: string
  readonly #firstSync: number
  readonly #partitions = new Map<number, SeenPartition>()
  readonly #seen: SeenTopic = { messages: 0, ours: 0, rows: 0 }

  /** `firstSync`: the sync with which the table begins; default: the stream's first one. */
  constructor(topic: string, { firstSync = 1 }: { readonly firstSync?: number } = {}) {
    this.#topic = topic
    this.#firstSync = firstSync
  }

  /**
   * The first offset that a partition still has; call it before its messages. Without it, that of its first
   * message is taken for it.
   */
  begin(partition: number, offset: bigint): void {
    const nothing = { first: undefined, plans: [], ended: new Map<number, number>() }
    this.#partitions.set(partition, { begin: offset, ...nothing })
  }

  take(message: TopicMessage): void {
    const { partition, offset, headers } = message
    if (!this.#partitions.has(partition)) this.begin(partition, offset)
    const type = headers.get('type') ?? ''
    this.#seen.messages += 1
    if (headers.has('connect-sync')) this.#seen.rows += 1
    if (!Object.hasOwn(messageHeaders, type)) return
    this.#seen.ours += 1
    const attempt = Number(headers.get('attempt'))
    const sync = headers.get('sync') ?? ''
    const seen = this.#partitions.get(partition)
    if (seen === undefined) return
    seen.first ??= { type, sync, attempt }
    if (type === 'PLAN') notePlan(seen, valueOf(planValue, message, this.#topic))
    if (type === 'SYNC_END') seen.ended.set(Number(sync), attempt)
  }

  /**
   * Throws `topic_not_of_stream` if no table comes of the topic, and `topic_incomplete` if messages are gone
   * of which rows would be made. `syncs`: the syncs that the `TableRebuild` has.
   */
  check(syncs: readonly SyncCopy[]): void {
    const plan = syncs.at(-1)?.plan
    if (plan === undefined) throw this.#noPlan()
    const [base, ...added] = syncsOfTable(syncs)
    const cut =
      base === undefined || !isOverwrite(base.plan)
        ? [...this.#partitions].filter(([number, seen]) => !this.#hasBegin(number, seen))
        : this.#cutAfter(base.plan, added)
    if (cut.length > 0) throw this.#incomplete(cut, plan)
    const first = base?.plan.sync ?? 0
    const lost = syncs.findLast((sync) => sync.plan.sync > first && this.#isLost(sync))
    if (lost !== undefined) throw this.#incomplete([...this.#partitions], lost.plan)
  }

  #noPlan(): ConnectError {
    const isCut = [...this.#partitions.values()].some(({ begin }) => begin > 0n)
    const isOurs = this.#seen.ours > 0 || this.#seen.messages === 0
    if (this.#firstSync > 1 || (isCut && isOurs))
      return this.#incomplete([...this.#partitions], undefined)
    return noStream(this.#topic, this.#seen)
  }

  /**
   * Where rows that were added to those of the sync may be missing: not in its partitions, since all that
   * follows its SYNC_END is there.
   */
  #cutAfter({ partitions }: PlanValue, added: readonly SyncCopy[]): [number, SeenPartition][] {
    if (added.length === 0) return []
    return [...this.#partitions].filter(
      ([number, seen]) => number >= partitions && seen.begin > 0n && !this.#isAdded(number, seen),
    )
  }

  #hasBegin(number: number, seen: SeenPartition): boolean {
    const isFirstOf = ({ plans, begin }: SeenPartition): boolean =>
      plans.some((plan) => this.#isFirst(plan, begin))
    if (isFirstOf(seen)) return true
    if (seen.begin > 0n) return this.#isAdded(number, seen)
    return [...this.#partitions.values()].some((partition) => isFirstOf(partition))
  }

  /** Whether its first message is the PLAN of the sync for which it was added. */
  #isAdded(number: number, { first }: SeenPartition): boolean {
    if (first?.type !== 'PLAN') return false
    const plans = [...this.#partitions.values()].flatMap((seen) => seen.plans)
    const earlier = plans.filter(({ attempt }) => attempt < first.attempt)
    const last = earlier.toSorted((left, right) => left.attempt - right.attempt).at(-1)
    return last !== undefined && last.partitions <= number
  }

  /**
   * Before it there was nothing of the table. The PLAN of an attempt that nothing came of may be missing at
   * the beginning of a topic.
   */
  #isFirst({ sync, resumed, slices }: PlanValue, begin: bigint): boolean {
    if (sync !== this.#firstSync) return false
    const hasNothing = slices.every(({ records, complete }) => records === 0 && !complete)
    return !resumed || (begin === 0n && hasNothing)
  }

  /**
   * Whether a sync that replaces the rows has ended, but its records are gone. Not lost: a partition that was
   * read before the end came.
   */
  #isLost({ plan, isWhole }: SyncCopy): boolean {
    if (isWhole || !isOverwrite(plan)) return false
    const attempts = [...this.#partitions.values()].map(({ ended }) => ended.get(plan.sync) ?? 0)
    const attempt = Math.max(...attempts)
    if (attempt === 0) return false
    const without = [...this.#partitions].filter(
      ([number, { ended }]) => number < plan.partitions && !ended.has(plan.sync),
    )
    const isPast = ({ begin, first }: SeenPartition): boolean =>
      begin > 0n && (first === undefined || first.attempt > attempt)
    return without.length === 0 || without.some(([, seen]) => isPast(seen))
  }

  #incomplete(
    partitions: readonly (readonly [number, SeenPartition])[],
    plan: PlanValue | undefined,
  ): ConnectError {
    const named = partitions
      .slice(0, namedPartitions)
      .map(([number, seen]) => beginOf(number, seen))
    const more = partitions.length - named.length
    const others = more > 0 ? [`and ${String(more)} more partitions`] : []
    const gone =
      plan === undefined && this.#firstSync > 1
        ? `it has no PLAN of sync ${String(this.#firstSync)} or a later one`
        : [...named, ...others].join('; ')
    const fix = `${plan === undefined ? `${newSync} ${fromSource}` : waysOf(plan)} ${docs}`
    return new ConnectError('topic_incomplete', { details: { topic: this.#topic, gone, fix } })
  }
}

/** In an error. */
const namedPartitions = 5

function notePlan(seen: SeenPartition, plan: PlanValue): void {
  const last = seen.plans.at(-1)?.attempt ?? 0
  const first = plan.resumed ? plan.sync + 1 : plan.sync
  // The destination was dropped or restored: what it does not know does not count.
  for (const sync of plan.attempt <= last ? [...seen.ended.keys()] : [])
    if (sync >= first) seen.ended.delete(sync)
  seen.ended.delete(plan.sync)
  seen.plans.push(plan)
}

function beginOf(partition: number, { begin, first }: SeenPartition): string {
  const what =
    first === undefined
      ? 'no message'
      : `a ${first.type} of sync ${first.sync}, attempt ${String(first.attempt)}`
  return `partition ${String(partition)} begins at offset ${begin.toString()} with ${what}`
}

const newSync =
  'If each sync replaces the rows: run the connection again, and then rebuild; that sync has all records.'
const fromSource = `If syncs add rows: read the table at the destination and continue from its positions; or reset the stream (${resetCommands()}), run the connection, and rebuild from that sync on (\`firstSync\`).`
const docs = 'docs/topics.md, "Retention, and readers that come late", has the ways.'

function waysOf({ connection, stream, ...plan }: PlanValue): string {
  if (isOverwrite(plan))
    return 'Run the connection again, and then rebuild: the next sync that is complete has all records.'
  const label = streamLabel(stream)
  if (plan.sync_mode === 'full_refresh' && plan.destination_sync_mode === 'append_dedup')
    return `Rebuild from the first sync on that is here from its beginning (\`firstSync\`): it has all rows that the source had then. If there is none, run the connection again first.`
  return `Read the table of ${label} at the destination and continue from its positions; or reset the stream (${resetCommands(label, connection)}), then run the connection, and rebuild from that sync on (\`firstSync\`).`
}

/** How many messages a topic has, by writer. */
interface SeenTopic {
  messages: number
  /** Messages of the log: their header `type` is one of docs/topics.md. */
  ours: number
  /** Messages of a destination `topic:`. */
  rows: number
}

/** The error for a topic without a PLAN: what it is, and what to do. */
function noStream(topic: string, seen: SeenTopic): ConnectError {
  return new ConnectError('topic_not_of_stream', {
    details: { topic, ...describeTopic(topic, seen) },
  })
}

const listTopics = '`reactor connect topics list` shows the topics of streams.'

function describeTopic(
  topic: string,
  { messages, ours, rows }: SeenTopic,
): { readonly found: string; readonly fix: string } {
  if (/^connect\.(.+\.\.)?(states|schemas)$|^connect\.ingress$/.test(topic))
    return { found: 'it is one of the topics beside those of streams', fix: listTopics }
  if (messages === 0)
    return {
      found: 'it is empty',
      fix: `Run the connection if it is the topic of its stream. ${listTopics}`,
    }
  if (rows > 0)
    return {
      found: 'it has the rows of a destination `topic:`, which are messages of another kind',
      fix: `Read it with any consumer, as docs/topic-destination.md says: the newest message of a key is the row. ${listTopics}`,
    }
  if (ours > 0)
    return {
      found: 'its messages are of a version of Reactor Connect that wrote no PLAN',
      fix: 'Run the connection again: it writes a PLAN. For rows of earlier syncs read the table at the destination.',
    }
  return { found: 'its messages are not those of a stream of Reactor Connect', fix: listTopics }
}

import type { Builder, Component, StreamContext } from '../../../manifest-interpreter/component.ts'
import type { Retriever } from '../../../manifest-interpreter/contracts.ts'
import { component, field, text } from '../../../manifest-interpreter/definition.ts'
import { get, isDict, merged, set } from '../../../manifest-interpreter/value/dict.ts'
import { StreamSlice } from '../../../manifest-interpreter/value/stream-slice.ts'
import { str } from '../../../manifest-interpreter/value/text.ts'
import { truth } from '../../../manifest-interpreter/value/truth.ts'
import type { Dict, PlainDict, Value } from '../../../manifest-interpreter/value/value.ts'

/**
 * Reads the messages of a channel in one slice, and beside each message that began a thread its replies:
 * Slack has no list of all replies. `shows: reactions` gives the reactions of these messages instead.
 */
export const conversationRetriever: Component<'retriever'> = (definition, builder, context) => {
  const { stream } = context
  if (stream === undefined) throw new TypeError('a retriever needs its stream')
  const history = builder.build('retriever', component(definition, 'history'), context)
  const replies = builder.build('retriever', component(definition, 'replies'), context)
  const showsReactions = text(definition, 'shows') === 'reactions'
  const readsThreads = truth(evaluated(definition, 'read_threads', builder))
  const known = new KnownChannels(stream)
  const start = secondsOf(evaluated(definition, 'start', builder))
  return {
    async *read(slice) {
      const asked = known.isLate(slice) ? sliceFrom(start, slice) : slice
      for await (const messages of messagesOf({ history, replies, readsThreads, known }, asked)) {
        const records = showsReactions ? reactionsIn(messages, stream, slice) : messages
        if (records.length > 0) yield records
      }
    },
  }
}

interface Conversation {
  readonly history: Retriever
  readonly replies: Retriever
  readonly readsThreads: boolean
  readonly known: KnownChannels
}

async function* messagesOf(
  { history, replies, readsThreads, known }: Conversation,
  slice: StreamSlice,
): AsyncIterable<readonly Dict[]> {
  for await (const messages of history.read(slice)) {
    // The page is handed on before its threads are asked for: its records may be changed then.
    const threads = readsThreads ? messages.filter((message) => known.isNew(message, slice)) : []
    const starts = threads.map((message) => get(message, 'ts') ?? null)
    yield messages
    for (const start of starts) yield* replies.read(threadSlice(slice, start))
  }
}

function threadSlice({ partition, cursorSlice }: StreamSlice, start: Value): StreamSlice {
  return new StreamSlice({ partition, cursorSlice, extraFields: { thread_ts: start } })
}

/**
 * Clocks differ, and Slack's lists may lag behind: a thread counts as read if its last reply is older by this
 * than the newest message that an earlier read had.
 */
const marginSeconds = 3600

/** The facts that the state holds about earlier reads. */
class KnownChannels {
  /** The newest message of each channel, by its id. */
  readonly #newest: ReadonlyMap<string, number>

  constructor({ state, cursor }: Pick<StreamContext, 'state' | 'cursor'>) {
    this.#newest = newestByChannel(state, cursor.field ?? '')
  }

  /**
   * A channel that the token can read only since an earlier read of others. Its slice begins at the newest
   * message of all channels, and would leave out what it had before.
   */
  isLate(slice: StreamSlice): boolean {
    return this.#newest.size > 0 && !this.#newest.has(channelOf(slice))
  }

  isNew(message: Dict, slice: StreamSlice): boolean {
    if (!truth(get(message, 'reply_count') ?? null)) return false
    const newest = this.#newest.get(channelOf(slice))
    const latest = Number(get(message, 'latest_reply') ?? Number.NaN)
    return newest === undefined || !(latest < newest - marginSeconds)
  }
}

function channelOf({ partition }: StreamSlice): string {
  return str(get(partition, 'channel_id') ?? '')
}

function sliceFrom(start: string, { partition, cursorSlice }: StreamSlice): StreamSlice {
  return new StreamSlice({ partition, cursorSlice: merged(cursorSlice, { start_time: start }) })
}

/** As Slack writes times. */
function secondsOf(time: Value): string {
  return (Date.parse(str(time)) / 1000).toFixed(6)
}

/** Reads the state of each channel. A state of all channels together says nothing of a single channel. */
function newestByChannel(state: Dict | null, cursorField: string): ReadonlyMap<string, number> {
  const states = state === null ? undefined : get(state, 'states')
  const newest = new Map<string, number>()
  for (const entry of Array.isArray(states) ? states : []) {
    const channel = nested(entry, 'partition', 'channel_id')
    const ts = Number(nested(entry, 'cursor', cursorField) ?? Number.NaN)
    if (channel !== undefined && !Number.isNaN(ts)) newest.set(str(channel), ts)
  }
  return newest
}

function nested(value: Value, outer: string, inner: string): Value | undefined {
  const found = isDict(value) ? get(value, outer) : undefined
  return found !== undefined && isDict(found) ? get(found, inner) : undefined
}

/** One record for each emoji of a message. Messages without any move the state, too: they were read. */
function reactionsIn(
  messages: readonly Dict[],
  { cursor }: StreamContext,
  slice: StreamSlice,
): readonly Dict[] {
  return messages.flatMap((message) => {
    const ts = get(message, 'ts') ?? null
    cursor.observe({ message_ts: ts }, slice)
    const reactions = get(message, 'reactions')
    return (Array.isArray(reactions) ? reactions : []).filter(isDict).map((reaction) => {
      const record: PlainDict = {}
      set(record, 'channel_id', get(message, 'channel_id') ?? null)
      set(record, 'message_ts', ts)
      for (const name of ['name', 'count', 'users']) set(record, name, get(reaction, name) ?? null)
      return record
    })
  })
}

function evaluated(definition: PlainDict, name: string, { config, templates }: Builder): Value {
  const source = field(definition, name) ?? null
  return typeof source === 'string' ? templates.string(source)({ config }) : source
}

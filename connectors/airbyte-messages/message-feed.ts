import { createReadStream, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import {
  ConnectError,
  isJsonObject,
  JsonLinesDecoder,
  parseExactJson,
  stateType,
  streamKey,
  streamLabel,
  stringifyExact,
  type AirbyteMessage,
  type AirbyteState,
  type JsonLine,
  type JsonObject,
  type JsonValue,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import { errorCodeOf } from '../../lib/files/error-code.ts'
import { jsonObjectSchema } from '../../protocol/json-object.ts'
import type { ConnectorContext, ReadTask, RecordOutput } from '../connector.ts'

type StreamStatus = Extract<
  Extract<AirbyteMessage, { type: 'TRACE' }>['trace'],
  { type: 'STREAM_STATUS' }
>['stream_status']

/** A stream whose lane cannot be opened never comes: the others do not wait longer for it. */
const joinMs = 10_000

/** How long a stream waits for the commit of its last state, which the source must get. */
const lastCommitMs = 10 * 60_000

interface FeedOptions {
  /** The streams that were planned. */
  readonly members: number
  readonly logger: Logger
}

/** A state that has been written to lanes, and not yet returned to the source. */
interface WaitingState {
  readonly seq: number
  readonly line: string
  /** The streams that must have committed it. */
  readonly members: ReadonlySet<Member>
}

/** One stream of the feed. */
class Member {
  readonly key: string
  readonly out: RecordOutput
  readonly ended = Promise.withResolvers<'complete' | 'stopped'>()
  readonly label: string
  readonly signal: AbortSignal
  /** Numbers of the last state that was committed, and that was written. */
  committed = 0
  lastSeq = 0
  status: StreamStatus['status'] | undefined
  /** Whether a state covers every record so far. */
  isCovered = true
  /** Records since its last state. */
  count = 0
  isOver = false

  /** @param signal aborted when its lane ends */
  constructor({ stream: { stream } }: ReadTask, out: RecordOutput, signal: AbortSignal) {
    this.signal = signal
    this.key = streamKey(stream)
    this.label = streamLabel(stream)
    this.out = out
  }
}

/**
 * Reads standard input once for all streams, and returns each state on standard output when the destination
 * has committed it: those of a stream in their order.
 */
export class MessageFeed {
  readonly #options: FeedOptions
  readonly #members = new Map<string, Member>()
  readonly #waiting: WaitingState[] = []
  /** States of another process have other texts: theirs must not count as committed here. */
  readonly #origin = crypto.randomUUID()
  #seq = 0
  #joining: NodeJS.Timeout | undefined
  #hasBegun = false
  #signal: AbortSignal | undefined

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** Resolves when the messages of the stream have come to their end. */
  async read(
    task: ReadTask,
    out: RecordOutput,
    { signal }: ConnectorContext,
  ): Promise<'complete' | 'stopped'> {
    const member = new Member(task, out, signal)
    if (this.#hasBegun)
      throw new ConnectError('airbyte_messages_passed', { details: { stream: member.label } })
    this.#signal ??= signal
    this.#members.set(member.key, member)
    out.onCommitted?.((state) => {
      this.#noteCommitted(member, state)
    })
    clearTimeout(this.#joining)
    if (this.#members.size >= this.#options.members) this.#begin()
    else
      this.#joining = setTimeout(() => {
        this.#begin()
      }, joinMs)
    return member.ended.promise
  }

  #begin(): void {
    this.#hasBegun = true
    this.#readAll().then(
      () => this.#endAll(),
      (error: unknown) => {
        for (const member of this.#open) this.#fail(member, error)
      },
    )
  }

  get #open(): readonly Member[] {
    return [...this.#members.values()].filter(({ isOver }) => !isOver)
  }

  async #readAll(): Promise<void> {
    const decoder = new JsonLinesDecoder()
    const input = createReadStream('', { fd: 0, autoClose: false })
    const stop = (): void => {
      input.destroy()
    }
    this.#signal?.addEventListener('abort', stop, { once: true })
    try {
      for await (const chunk of input as AsyncIterable<Uint8Array>)
        await this.#takeAll(decoder.push(chunk))
      await this.#takeAll(decoder.end())
    } catch (error) {
      if (this.#signal?.aborted !== true) throw error
    } finally {
      this.#signal?.removeEventListener('abort', stop)
    }
  }

  async #takeAll(lines: readonly JsonLine[]): Promise<void> {
    let batch: { readonly member: Member; readonly records: RecordData[] } | undefined
    const flush = async (): Promise<void> => {
      const full = batch
      batch = undefined
      if (full !== undefined) await this.#records(full.member, full.records)
    }
    for (const line of lines) {
      if (line.kind === 'message' && line.message.type === 'RECORD') {
        const { stream: name, namespace, data } = line.message.record
        const key = streamKey(namespace === undefined ? { name } : { name, namespace })
        if (batch?.member.key === key) {
          batch.records.push(data)
          continue
        }
        await flush()
        const member = this.#members.get(key)
        if (member !== undefined) batch = { member, records: [data] }
        continue
      }
      await flush()
      await this.#takeOther(line)
    }
    await flush()
  }

  async #records(member: Member, records: readonly RecordData[]): Promise<void> {
    if (member.isOver) return
    member.isCovered = false
    member.count += records.length
    await member.out.records(records).catch((error: unknown) => {
      this.#fail(member, error)
    })
  }

  async #takeOther(line: JsonLine): Promise<void> {
    if (line.kind === 'invalid' || line.kind === 'oversized') {
      const reason = line.kind === 'invalid' ? line.reason : `a line has ${line.bytes} bytes`
      const details = { subject: 'The messages on standard input', reason }
      throw new ConnectError('airbyte_message_invalid', { details })
    }
    if (line.kind === 'text') return
    const { message } = line
    if (message.type === 'STATE') await this.#state(message.state)
    if (message.type === 'TRACE' && message.trace.type === 'STREAM_STATUS')
      this.#status(message.trace.stream_status)
  }

  #status({ stream_descriptor: { name, namespace }, status }: StreamStatus): void {
    const key = streamKey(namespace === undefined ? { name } : { name, namespace })
    const member = this.#members.get(key)
    if (member !== undefined) member.status = status
  }

  /** A STREAM state is one of its stream; the others are those of all streams. */
  async #state(state: AirbyteState): Promise<void> {
    const plain = jsonObjectSchema.parse(parseExactJson(stringifyExact(state as RecordValue)))
    const members = this.#membersOf(state, plain)
    if (members.length === 0) return
    this.#seq += 1
    const seq = this.#seq
    const count = members.reduce((sum, member) => sum + member.count, 0)
    const line = JSON.stringify({
      type: 'STATE',
      state: { ...plain, destinationStats: { recordCount: count } },
    }).replace(
      /"destinationStats":\{"recordCount":(\d+)\}/,
      '"destinationStats":{"recordCount":$1.0}',
    )
    this.#waiting.push({ seq, line, members: new Set(members) })
    for (const member of members) {
      member.count = 0
      member.lastSeq = seq
      // Only the source, and who runs it, use the contents of a state.
      await this.#write(member, { origin: this.#origin, seq })
    }
  }

  #membersOf(state: AirbyteState, plain: JsonObject): readonly Member[] {
    if (stateType(state) !== 'STREAM') return [...this.#members.values()]
    const { stream } = plain
    const id = isJsonObject(stream) ? stream.stream_descriptor : undefined
    if (!isJsonObject(id) || typeof id.name !== 'string') return []
    const { name, namespace } = id
    const member = this.#members.get(
      streamKey(typeof namespace === 'string' ? { name, namespace } : { name }),
    )
    return member === undefined ? [] : [member]
  }

  async #write(member: Member, state: JsonObject): Promise<void> {
    if (member.isOver) return
    try {
      await member.out.state(state)
      member.isCovered = true
    } catch (error) {
      this.#fail(member, error)
    }
  }

  /** Only a stream that its source completed is complete: an overwrite must not replace rows by a part. */
  async #endAll(): Promise<void> {
    await Promise.all(this.#open.map((member) => this.#end(member)))
  }

  async #end(member: Member): Promise<void> {
    const isComplete = member.status === 'COMPLETE'
    if (isComplete && !member.isCovered) {
      await this.#write(member, { origin: this.#origin, seq: this.#seq })
    }
    if (member.isOver) return
    member.isOver = true
    await this.#untilCommitted(member)
    if (isComplete) member.ended.resolve('complete')
    else this.#interrupt(member)
  }

  /** The source goes on from the last state that it gets: its rows are loaded, and it is printed. */
  async #untilCommitted(member: Member): Promise<void> {
    const end = Date.now() + lastCommitMs
    while (member.committed < member.lastSeq && !member.signal.aborted && Date.now() < end)
      await sleep(50)
  }

  #interrupt(member: Member): void {
    const reason = 'the messages of the source ended before it had completed the stream'
    const details = { stream: member.label, reason }
    member.ended.reject(new ConnectError('airbyte_source_incomplete', { details }))
  }

  #fail(member: Member, error: unknown): void {
    if (member.isOver) return
    member.isOver = true
    this.#options.logger.debug({ stream: member.label }, 'its messages are skipped from here on')
    member.ended.reject(error)
  }

  #noteCommitted(member: Member, state: JsonValue): void {
    if (!isJsonObject(state) || state.origin !== this.#origin) return
    if (typeof state.seq !== 'number') return
    member.committed = Math.max(member.committed, state.seq)
    for (let index = 0; index < this.#waiting.length;) {
      const waiting = this.#waiting[index]
      const isCommitted =
        waiting !== undefined &&
        [...waiting.members].every(({ committed }) => committed >= waiting.seq)
      if (waiting !== undefined && isCommitted) {
        // Standard output of a thread is written by the main thread, and lost if the thread ends before.
        writeLine(`${waiting.line}\n`)
        this.#waiting.splice(index, 1)
      } else index += 1
    }
  }
}

/** All of it, whatever the reader of the pipe does in the meantime. */
function writeLine(line: string): void {
  let rest = Buffer.from(line)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      // The pipe is full: its reader is slow.
      if (errorCodeOf(error) !== 'EAGAIN') throw error
    }
  }
}

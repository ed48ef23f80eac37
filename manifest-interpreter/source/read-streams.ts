import { SourceError } from '../contracts.ts'
import { Mutex, Slots } from '../../lib/async/slots.ts'
import { failureOf } from './failure.ts'
import { StreamGroups } from './stream-groups.ts'
import type { Logger, Stream } from '../contracts.ts'
import type { SourceMessage, SourceOutput } from './messages.ts'
import type { StreamSlice } from '../value/stream-slice.ts'
import type { Dict } from '../value/value.ts'

export interface ReadLimits {
  /** Pages with records, for each slice. */
  readonly pages: number
  readonly slices: number
}

export interface ReadPlan {
  readonly streams: readonly Stream[]
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Slices that are read at the same time, of all streams. */
  readonly concurrency: number
  /** Streams whose slices are worked out at the same time. */
  readonly generators: number
  /** True: a failed slice ends its stream, so that no state follows records that none covers. */
  readonly stopsAtFailure: boolean
  /** Streams that were requested and cannot be read: they have failed already. */
  readonly unreadable: readonly string[]
  readonly states: StateQueue
  readonly limits?: ReadLimits
}

/**
 * States that cursors emitted and that are not given yet: a cursor emits synchronously, an output takes its
 * time.
 */
export class StateQueue {
  readonly #states = new Map<string, Dict[]>()

  push(stream: string, state: Dict): void {
    const waiting = this.#states.get(stream)
    if (waiting === undefined) this.#states.set(stream, [state])
    else waiting.push(state)
  }

  /** Gives what waits of a stream, in order. */
  async flush(stream: string, output: SourceOutput): Promise<void> {
    const waiting = this.#states.get(stream) ?? []
    this.#states.delete(stream)
    for (const state of waiting) await output.message({ kind: 'state', stream, state })
  }
}

/**
 * Reads streams, several slices at the same time. The records of a slice and the state that follows them are
 * emitted without those of another slice of the stream between them: a state covers everything that its
 * stream emitted before it. Meanwhile other slices wait with their first page. A failed slice fails its
 * stream and no other; slices that were read before keep their state. Throws at the end if a stream failed.
 */
export async function readStreams(plan: ReadPlan, output: SourceOutput): Promise<void> {
  const slots = new Slots(plan.concurrency)
  const groups = new StreamGroups(plan.streams)
  const failed: string[] = [...plan.unreadable]
  const reading = new Set<Promise<void>>()
  await Promise.all(
    Array.from({ length: plan.generators }, async () => {
      for (;;) {
        const stream = await groups.next()
        if (stream === null) return
        const read = new StreamRead(stream, plan, { output, slots })
        await read.begin()
        groups.generated(stream)
        const ended = read.end().then((succeeded) => {
          if (!succeeded) failed.push(stream.name)
          groups.ended(stream)
        })
        reading.add(ended)
        void ended.finally(() => reading.delete(ended)).catch(() => undefined)
      }
    }),
  )
  await Promise.all(reading)
  plan.signal.throwIfAborted()
  if (failed.length > 0) throw failedStreams(failed)
}

function failedStreams(names: readonly string[]): SourceError {
  return new SourceError(
    `During the sync, the following streams did not sync successfully: ${names.join(', ')}. Their own errors say why.`,
    { failureType: 'config_error', internalMessage: 'Concurrent read failure' },
  )
}

/** One stream while it is read. */
class StreamRead {
  readonly #stream: Stream
  readonly #plan: ReadPlan
  readonly #output: SourceOutput
  readonly #slots: Slots
  readonly #slices = new Set<Promise<void>>()
  /** Whose slice gives its records now. */
  readonly #turn = new Mutex()
  #records = 0
  #failed = false

  constructor(
    stream: Stream,
    plan: ReadPlan,
    { output, slots }: { readonly output: SourceOutput; readonly slots: Slots },
  ) {
    this.#stream = stream
    this.#plan = plan
    this.#output = output
    this.#slots = slots
  }

  /** Resolves when all slices are known; their reads go on. */
  async begin(): Promise<void> {
    await this.#status('STARTED')
    let slices = 0
    try {
      for await (const slice of this.#stream.slices()) {
        slices += 1
        if (slices > (this.#plan.limits?.slices ?? Infinity)) return
        await this.#slots.acquire()
        if (this.#isOver()) {
          this.#slots.release()
          return
        }
        const read = this.#readSlice(slice).finally(() => {
          this.#slots.release()
        })
        this.#slices.add(read)
        void read.finally(() => this.#slices.delete(read)).catch(() => undefined)
      }
    } catch (error) {
      await this.#fail(error)
    }
  }

  /** Resolves when all slices are read: true if none failed. */
  async end(): Promise<boolean> {
    await Promise.all(this.#slices)
    const { signal, stopsAtFailure, states } = this.#plan
    if (signal.aborted) return false
    if (!this.#failed || !stopsAtFailure) {
      this.#stream.cursor.ensureStateEmitted()
      await states.flush(this.#stream.name, this.#output)
    }
    await this.#status(this.#failed ? 'INCOMPLETE' : 'COMPLETE')
    return !this.#failed
  }

  async #readSlice(slice: StreamSlice): Promise<void> {
    const { cursor, name } = this.#stream
    const turn = { isTaken: false }
    const takeTurn = async () => {
      if (!turn.isTaken) await this.#turn.acquire()
      turn.isTaken = true
      return !this.#isOver()
    }
    let pages = 0
    try {
      for await (const records of this.#stream.read(slice)) {
        if (!(await takeTurn())) return
        const isFirst = this.#records === 0
        this.#records += records.length
        if (isFirst) await this.#status('RUNNING')
        await this.#output.records(name, records)
        for (const record of records) cursor.observe(record, slice)
        pages += 1
        // The rest of the slice is not read: no state may cover it.
        if (pages >= (this.#plan.limits?.pages ?? Infinity)) return
      }
      // A state may not come in the middle of another slice's records either.
      if (!(await takeTurn())) return
      cursor.closeSlice(slice)
      await this.#plan.states.flush(name, this.#output)
    } catch (error) {
      await this.#fail(error)
    } finally {
      if (turn.isTaken) this.#turn.release()
    }
  }

  /** True if nothing more may be given. */
  #isOver(): boolean {
    return this.#plan.signal.aborted || (this.#failed && this.#plan.stopsAtFailure)
  }

  /** A stopped run is no failure of the stream: its unfinished slices simply have no state yet. */
  async #fail(error: unknown): Promise<void> {
    if (this.#plan.signal.aborted) return
    this.#failed = true
    // The message names the error; the stack is for a closer look.
    this.#plan.logger.debug({ stream: this.#stream.name, err: error }, 'stream failed')
    await this.#message(failureOf(error, this.#stream.name))
  }

  #status(status: 'STARTED' | 'RUNNING' | 'COMPLETE' | 'INCOMPLETE'): Promise<void> {
    return this.#message({ kind: 'status', stream: this.#stream.name, status })
  }

  #message(message: SourceMessage): Promise<void> {
    return this.#output.message(message)
  }
}

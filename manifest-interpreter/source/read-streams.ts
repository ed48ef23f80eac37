import { SourceError } from '../contracts.ts'
import { Semaphore } from './semaphore.ts'
import { failureOf } from './failure.ts'
import { StreamGroups } from './stream-groups.ts'
import type { Environment, Stream } from '../contracts.ts'
import type { SourceMessage, SourceOutput } from './messages.ts'
import type { StreamSlice } from '../value/stream-slice.ts'
import type { Dict } from '../value/value.ts'

export interface ReadPlan {
  readonly streams: readonly Stream[]
  readonly environment: Environment
  /** Slices that are read at the same time, of all streams. */
  readonly concurrency: number
  /** Streams whose slices are worked out at the same time. */
  readonly generators: number
  readonly states: StateQueue
}

/** States that cursors emitted and that are not given yet: a cursor emits synchronously, an output takes its time. */
export class StateQueue {
  readonly #states: { readonly stream: string; readonly state: Dict }[] = []

  push(stream: string, state: Dict): void {
    this.#states.push({ stream, state })
  }

  /** Gives what waits, in order. */
  async flush(output: SourceOutput): Promise<void> {
    for (const { stream, state } of this.#states.splice(0))
      await output.message({ kind: 'state', stream, state })
  }
}

/**
 * Reads streams, each slice by slice and several slices at the same time. A failed slice fails its stream and no other;
 * what was read before it keeps its state. Throws at the end where a stream failed.
 */
export async function readStreams(plan: ReadPlan, output: SourceOutput): Promise<void> {
  const slots = new Semaphore(plan.concurrency)
  const groups = new StreamGroups(plan.streams)
  const failed: string[] = []
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
  plan.environment.signal.throwIfAborted()
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
  readonly #slots: Semaphore
  readonly #slices = new Set<Promise<void>>()
  #records = 0
  #failed = false

  constructor(
    stream: Stream,
    plan: ReadPlan,
    { output, slots }: { readonly output: SourceOutput; readonly slots: Semaphore },
  ) {
    this.#stream = stream
    this.#plan = plan
    this.#output = output
    this.#slots = slots
  }

  /** Resolves when all slices are known; their reads go on. */
  async begin(): Promise<void> {
    await this.#status('STARTED')
    try {
      for await (const slice of this.#stream.slices()) {
        await this.#slots.acquire()
        this.#plan.environment.signal.throwIfAborted()
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

  /** Resolves when all slices are read: true where none failed. */
  async end(): Promise<boolean> {
    await Promise.all(this.#slices)
    if (this.#plan.environment.signal.aborted) return false
    this.#stream.cursor.ensureStateEmitted()
    await this.#plan.states.flush(this.#output)
    await this.#status(this.#failed ? 'INCOMPLETE' : 'COMPLETE')
    return !this.#failed
  }

  async #readSlice(slice: StreamSlice): Promise<void> {
    const { cursor, retriever, name } = this.#stream
    try {
      for await (const records of retriever.read(slice)) {
        this.#plan.environment.signal.throwIfAborted()
        const isFirst = this.#records === 0
        this.#records += records.length
        if (isFirst) await this.#status('RUNNING')
        await this.#output.records(name, records)
        for (const record of records) cursor.observe(record, slice)
      }
      cursor.closeSlice(slice)
      await this.#plan.states.flush(this.#output)
    } catch (error) {
      await this.#fail(error)
    }
  }

  /** A stopped run is no failure of the stream: its unfinished slices simply have no state yet. */
  async #fail(error: unknown): Promise<void> {
    if (this.#plan.environment.signal.aborted) return
    this.#failed = true
    this.#plan.environment.logger.warn({ stream: this.#stream.name, err: error }, 'stream failed')
    await this.#message(failureOf(error, this.#stream.name))
  }

  #status(status: 'STARTED' | 'RUNNING' | 'COMPLETE' | 'INCOMPLETE'): Promise<void> {
    return this.#message({ kind: 'status', stream: this.#stream.name, status })
  }

  #message(message: SourceMessage): Promise<void> {
    return this.#output.message(message)
  }
}

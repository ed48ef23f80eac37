import { z } from 'zod'
import type { PlannedSlice } from '../../../connectors/connector.ts'
import { ConnectError, type JsonValue } from '../../../protocol/index.ts'

const sliceState = z.object({
  slice: z.string(),
  /** Its numbers may have digits that a double has not. */
  state: z.custom<JsonValue>((value) => value !== undefined, 'must be present'),
  /** Read to its end. */
  complete: z.boolean(),
})

/** `stream_state` of our own sources: the slices of the last read, with their states. */
const streamState = z.object({ slices: z.array(sliceState) })

type SliceState = z.infer<typeof sliceState>

/** The state of a stream that is read in slices, in the form that an Airbyte client stores. */
export class StreamState {
  readonly #slices: Map<string, SliceState>

  constructor(slices: readonly SliceState[]) {
    this.#slices = new Map(slices.map((slice) => [slice.slice, slice]))
  }

  /** Throws `source_state_invalid`. `stored`: `stream_state` of an earlier read. */
  static parse(stored: JsonValue | undefined, stream: string): StreamState {
    if (stored === undefined || stored === null) return new StreamState([])
    const { data, error } = streamState.safeParse(stored)
    if (data === undefined) {
      const reason = z.prettifyError(error)
      throw new ConnectError('source_state_invalid', { details: { stream, reason } })
    }
    // When all of an earlier read is complete, the next one goes on from all of it.
    const isUnfinished = data.slices.some(({ complete }) => !complete)
    return new StreamState(
      isUnfinished ? data.slices : data.slices.map((slice) => ({ ...slice, complete: false })),
    )
  }

  get document(): { readonly slices: readonly SliceState[] } {
    return { slices: [...this.#slices.values()] }
  }

  /** For the plan of a read. */
  get states(): ReadonlyMap<string, JsonValue | null> {
    return new Map([...this.#slices.values()].map(({ slice, state }) => [slice, state]))
  }

  /** Adds the slices of a plan, and returns those that are still to be read. */
  begin(planned: readonly PlannedSlice[]): readonly PlannedSlice[] {
    for (const { slice, state } of planned)
      if (!this.#slices.has(slice)) this.#slices.set(slice, { slice, state, complete: false })
    return planned.filter(({ slice }) => this.#slices.get(slice)?.complete !== true)
  }

  set(slice: string, state: JsonValue): void {
    this.#slices.set(slice, { slice, state, complete: false })
  }

  complete(slice: string): void {
    const known = this.#slices.get(slice)
    if (known !== undefined) this.#slices.set(slice, { ...known, complete: true })
  }
}

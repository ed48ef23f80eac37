import type { Cursor } from '../../contracts.ts'
import { get } from '../../value/dict.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { truth } from '../../value/truth.ts'
import type { Dict } from '../../value/value.ts'

/** Says in a state that the stream has been read and has no cursor. */
const NO_CURSOR_STATE = '__ab_no_cursor_state_message'

/** The cursor of a stream that is always read in full: its only state says that it was. */
export function finalStateCursor(options: {
  readonly emitState: (state: Dict) => void
  readonly nowMicros: () => number
}): Cursor {
  const state = (): Dict => ({ [NO_CURSOR_STATE]: true })
  const nothing = (): Dict => ({})
  return {
    field: undefined,
    catalogDefined: false,
    state,
    async *slices() {
      yield await Promise.resolve(StreamSlice.empty)
    },
    observe: () => undefined,
    closeSlice: () => undefined,
    ensureStateEmitted: () => {
      options.emitState(state())
    },
    shouldBeSynced: () => true,
    // A finished full refresh is as new as can be, for an API that stores its data for a while.
    momentOf: (before) =>
      truth(get(before, NO_CURSOR_STATE) ?? null) ? options.nowMicros() : null,
    headers: nothing,
    params: nothing,
    bodyData: nothing,
    bodyJson: nothing,
  }
}

/** A signal that is never aborted: a new one each time, since whoever listens to it may do so for ever. */
export function neverAborted(): AbortSignal {
  return new AbortController().signal
}

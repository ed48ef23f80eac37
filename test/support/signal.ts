/**
 * Returns a signal that is never aborted. It is a new one each time, because a listener may stay on it for
 * ever.
 */
export function neverAborted(): AbortSignal {
  return new AbortController().signal
}

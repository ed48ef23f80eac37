export interface TimeLimit extends Disposable {
  /** Aborted with the outer signal, if there is one, with its reason, and with a `TimeoutError` when the time is over. */
  readonly signal: AbortSignal
}

/**
 * A signal for work that ends with another signal, or after a time: dispose of it when the work has ended. `AbortSignal.any` and
 * `AbortSignal.timeout` are for work that is rare: they are held by weak references, which only a full garbage collection gives up, so what
 * listens to them fills the old generation. 15,000 requests with their bodies were 230 MB there (2026-11-28).
 */
export function timeLimit(outer: AbortSignal | undefined, timeoutMs: number): TimeLimit {
  const controller = new AbortController()
  const onAbort = (): void => {
    controller.abort(outer?.reason)
  }
  const timer = setTimeout(() => {
    controller.abort(new DOMException('The time limit is over', 'TimeoutError'))
  }, timeoutMs)
  outer?.addEventListener('abort', onAbort, { once: true })
  if (outer?.aborted === true) onAbort()
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      outer?.removeEventListener('abort', onAbort)
    },
  }
}

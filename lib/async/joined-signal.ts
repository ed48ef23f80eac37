export interface JoinedSignal extends Disposable {
  /** Aborted with the first of the others, with its reason. */
  readonly signal: AbortSignal
}

/**
 * A signal for work that ends with any of several others: dispose of it when the work has ended.
 * `AbortSignal.any` and `AbortSignal.timeout` are for work that is rare: they are held by weak references,
 * which only a full garbage collection gives up, so what listens to them fills the old generation. 15,000
 * requests with their bodies were 230 MB there (2026-11-28).
 */
export function joinedSignal(...others: readonly AbortSignal[]): JoinedSignal {
  const controller = new AbortController()
  const listening = new DisposableStack()
  for (const other of others) {
    const onAbort = (): void => {
      controller.abort(other.reason)
    }
    if (other.aborted) onAbort()
    else other.addEventListener('abort', onAbort, { once: true })
    listening.defer(() => {
      other.removeEventListener('abort', onAbort)
    })
  }
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      listening.dispose()
    },
  }
}

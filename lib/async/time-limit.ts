import { joinedSignal, type JoinedSignal } from './joined-signal.ts'

/**
 * A signal for work that ends with another signal, with its reason, or after a time, with a `TimeoutError`:
 * dispose of it when the work has ended. For work that is frequent, as `joinedSignal` says.
 */
export function timeLimit(outer: AbortSignal | undefined, timeoutMs: number): JoinedSignal {
  const time = new AbortController()
  const timer = setTimeout(() => {
    time.abort(new DOMException('The time limit is over', 'TimeoutError'))
  }, timeoutMs)
  const joined = outer === undefined ? undefined : joinedSignal(outer, time.signal)
  return {
    signal: joined?.signal ?? time.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer)
      joined?.[Symbol.dispose]()
    },
  }
}

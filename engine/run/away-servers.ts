import type { ConnectError, ErrorCodeName } from '../../protocol/index.ts'

/** A server that restarts, is upgraded, or fails over to another machine is back by then. */
const longestAwayMs = 5 * 60_000

/**
 * How long the servers of a run have been away, over all its streams: each of them was there when the run
 * began, so its address is right. A thousand streams do not each wait for one that does not come back.
 */
export class AwayServers {
  readonly #sinceMs = new Map<ErrorCodeName, number>()

  /** undefined: the error does not say that a server is away. Otherwise whether it may come back. */
  mayComeBack(error: ConnectError, nowMs: number): boolean | undefined {
    if (!saysAway(error)) return undefined
    const sinceMs = this.#sinceMs.get(error.code) ?? nowMs
    this.#sinceMs.set(error.code, sinceMs)
    return nowMs - sinceMs < longestAwayMs
  }

  /** A stream made progress: all servers are there. */
  noteProgress(): void {
    this.#sinceMs.clear()
  }
}

/** Nobody listens, or the server says that it starts or recovers. */
function saysAway({ code }: ConnectError): boolean {
  return code === 'source_unreachable' || code === 'destination_unreachable'
}

import { ConnectError, networkFailure, serverRefusal } from '../../../protocol/index.ts'

export interface SidePlace {
  readonly host: string
  readonly port: number
  readonly database: string
}

/** Any error of the driver, the server or the network, without a value of a row. */
export function sideError(thrown: unknown, { host, port, database }: SidePlace): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  if (isServerError(thrown)) {
    const { sqlstate, reason } = serverRefusal(thrown)
    const details = { host, port, database, sqlstate, reason }
    return new ConnectError('two_way_side_refused', { details })
  }
  const failure = networkFailure(thrown)
  if (failure === undefined) return ConnectError.from(thrown)
  const details = { host, port, database, reason: failure.reason }
  return new ConnectError('two_way_side_unavailable', { details, cause: thrown })
}

/** A value, a rule of the table or a trigger is the reason: the same row would be refused again. */
export function isRowRefusal(thrown: unknown): boolean {
  return isServerError(thrown) && /^(?:22|23|44|P0)/.test(thrown.code)
}

/** Other rows refer to the row: it can be deleted when they are gone. */
export function isStillReferenced(thrown: unknown): boolean {
  return isServerError(thrown) && thrown.code === '23503'
}

/** The class of the driver's errors; only `postgres/` imports the driver. */
function isServerError(thrown: unknown): thrown is Error & { readonly code: string } {
  return (
    thrown instanceof Error &&
    'severity' in thrown &&
    'code' in thrown &&
    typeof thrown.code === 'string'
  )
}

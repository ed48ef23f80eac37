import { isDeepStrictEqual } from 'node:util'
import { ConnectError } from '../../protocol/index.ts'
import type { PostgresAddress } from '../../postgres/address.ts'

export interface RefusedLogin {
  /** The address that the attempt uses. */
  readonly used: PostgresAddress
  /** The address of the destination as it is now. */
  readonly ask: () => Promise<PostgresAddress | undefined>
}

/**
 * The error to report for one of a destination. The Data service may have replaced the login while the run
 * went on: the next attempt gets another one, so that is worth a retry. A login that is still the same stays
 * refused. Never throws.
 */
export async function explainRefusedLogin(
  error: ConnectError,
  { used, ask }: RefusedLogin,
): Promise<ConnectError> {
  if (error.code !== 'destination_credentials_refused') return error
  try {
    const now = await ask()
    if (isDeepStrictEqual(now, used)) return error
  } catch (thrown) {
    // Why there is no other login: if the Data service is away, that is worth a retry too.
    return ConnectError.from(thrown)
  }
  const { host, port, database } = used
  const reason = 'its login was replaced while the run went on; the next attempt uses the new one'
  const details = { host, port, database, reason }
  return new ConnectError('destination_connection_lost', { details, cause: error })
}

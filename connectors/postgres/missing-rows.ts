import { ConnectError } from '../../protocol/index.ts'

/**
 * Whether a COPY failed because its server counted other rows than have come. Any of them may be missing,
 * also before a state.
 */
export function isOfCount(thrown: unknown): boolean {
  const isDamage = thrown instanceof ConnectError && thrown.code === 'source_rows_damaged'
  return isDamage && thrown.details.counted !== undefined
}

/**
 * A state says that all rows before it were read, and the server's count at the end showed that some of them
 * may not have come.
 */
export function missingRows(stream: string): ConnectError {
  const reason =
    'the server counted other rows than it sent, and rows before the checkpoint may be missing'
  return new ConnectError('source_state_invalid', { details: { stream, reason } })
}

/**
 * Throws if the state is the one with which such a read ended: a read that continues from it would hide that
 * rows are missing.
 */
export function refuseIncomplete(
  state: { readonly incomplete?: true } | null,
  stream: string,
): void {
  if (state?.incomplete === true) throw missingRows(stream)
}

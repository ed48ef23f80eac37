import type { RetriedRejects } from '../../sinks/destination-kind.ts'
import type { Reject, RejectsChoice } from './schema.ts'

/**
 * The records that a vendor has refused, of connections to `instance:NAME`. Every method throws
 * `connection_not_found`, `stream_not_found`, and `destination_not_available` for another destination.
 */
export interface RejectService {
  list(
    connection: string,
    page: { readonly limit?: number; readonly cursor?: string; readonly stream?: string },
  ): Promise<{ readonly items: readonly Reject[]; readonly next: string | null }>
  /** Sends them again as they were read then. Throws `write_busy` while a run sends records. */
  retry(connection: string, choice: RejectsChoice): Promise<RetriedRejects>
  /** Forgets them; the records stay as they are on both sides. Returns how many there were. */
  discard(connection: string, choice: RejectsChoice): Promise<number>
}

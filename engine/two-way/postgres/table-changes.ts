import type { FollowEvents } from '../pair-side.ts'

/** Finds the records of a side's tables that may have changed, while a run goes on. */
export interface TableChanges extends AsyncDisposable {
  /** Notes changes that are committed from now on. */
  begin(events: FollowEvents): Promise<void>
  /** The ids of a stream since the last call. */
  take(stream: string): Promise<readonly string[]>
}

/** More changed records of a stream than this are found by a sweep, so that memory stays bounded. */
export const mostChanges = 100_000

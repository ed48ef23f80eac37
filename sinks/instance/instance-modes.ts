import type { SyncMode } from '../sink.ts'

/** A record at the vendor is found by its key: none is there twice. */
export const instanceModes: readonly SyncMode[] = ['append_dedup', 'overwrite', 'overwrite_dedup']

/** Requests count, not bytes: a lane sends records while they come, and a commit is only a checkpoint. */
export const instanceCommits = { commitBytes: 64 * 1024 * 1024, commitMs: 5_000 }

import { ConnectError, streamLabel } from '../../protocol/index.ts'
import { syncOfPath } from './file-names.ts'
import type { FileStore } from './file-store.ts'
import { type CommittedFile, type Manifest, manifestIn, publishable } from './manifest.ts'

/**
 * Publishes the files of a manifest, and deletes the rows that a complete overwrite has replaced. What a
 * manifest says is committed: whoever finds it does this first, because the process that committed it may
 * have died right after that. Several processes may do it at the same time.
 */
export async function settleFiles(
  store: FileStore,
  stream: string,
  manifest: Manifest | undefined,
): Promise<void> {
  if (manifest === undefined) return
  await publishFiles(store, stream, publishable(manifest))
  if (manifest.complete && manifest.facts.replaces)
    await deleteOlder(store, stream, manifest.syncId)
}

/** Throws `destination_files_lost` if files that were committed are gone. */
export async function publishFiles(
  store: FileStore,
  stream: string,
  files: readonly CommittedFile[],
): Promise<void> {
  const missing = await store.publish(files)
  if (missing.length === 0) return
  // Another process may have published them, and a later overwrite has deleted them since.
  const now = await manifestIn(store, stream).read()
  const named = new Set(now?.facts.files.map(({ draft }) => draft))
  const lost = missing.filter(({ draft }) => named.has(draft))
  if (now === undefined || lost.length === 0) return
  const { namespace, name } = now
  throw new ConnectError('destination_files_lost', {
    details: {
      stream: streamLabel({ name, ...(namespace !== null && { namespace }) }),
      place: store.name,
      files: lost.length,
      first: lost[0]?.path ?? '',
    },
  })
}

/** Deletes files of rows of syncs before this one. Files of others have other names. */
async function deleteOlder(store: FileStore, stream: string, syncId: number): Promise<void> {
  const paths = await store.files(stream)
  await store.deleteFiles(paths.filter((path) => (syncOfPath(path) ?? syncId) < syncId))
}

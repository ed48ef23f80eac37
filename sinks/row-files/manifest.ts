import { z } from 'zod'
import type { StoredDocument } from '../bookkeeping/bookkeeping-store.ts'
import { hasStage } from '../bookkeeping/begin-sync.ts'
import {
  type RunRecord,
  runRecord,
  type StreamRecord,
  streamRecord,
} from '../bookkeeping/stored-records.ts'
import { ownFolder } from './file-names.ts'
import type { FileStore } from './file-store.ts'

/** A file of rows, or of rejected records, that was committed and may still be a draft. */
const committedFile = z.object({
  /** Where it is when it is published. */
  path: z.string(),
  draft: z.string(),
  parts: z.array(z.string()),
  kind: z.enum(['rows', 'rejected']),
  partition: z.number(),
  records: z.number(),
})
export type CommittedFile = z.infer<typeof committedFile>

const fileFacts = z.object({
  /** Files that are not surely published. */
  files: z.array(committedFile),
  /** The numbers of files that each lane of the sync has used. */
  used: z.record(z.string(), z.number()),
  /** Rows in published files. */
  rows: z.number(),
  /** A complete overwrite whose files of before may still be there. */
  replaces: z.boolean(),
})
export type FileFacts = z.infer<typeof fileFacts>

export type Manifest = StreamRecord<FileFacts>

const manifestSchema: z.ZodType<Manifest> = streamRecord(fileFacts)

export const noFacts: FileFacts = { files: [], used: {}, rows: 0, replaces: false }

/** The manifest of a stream: its checkpoints, counts and files, which change together. */
export function manifestIn(store: FileStore, stream: string): StoredDocument<Manifest> {
  return store.document(`${stream}/${ownFolder}`, 'manifest', manifestSchema)
}

/** The runs of a connection: which start has it. */
export function runsOf(store: FileStore, connection: string): StoredDocument<RunRecord> {
  return store.document(`${ownFolder}/${connection}`, 'runs', runRecord)
}

/** The files that readers may see: rows of an overwrite wait for its end. */
export function publishable(manifest: Manifest): readonly CommittedFile[] {
  const isStaged = hasStage(manifest)
  return manifest.facts.files.filter(({ kind }) => kind === 'rejected' || !isStaged)
}

/** The manifest without files that were published. */
export function withoutFiles(manifest: Manifest, paths: ReadonlySet<string>): Manifest {
  const files = manifest.facts.files.filter(({ path }) => !paths.has(path))
  return { ...manifest, facts: { ...manifest.facts, files } }
}

/** The manifest without the stage of an overwrite that was given up. */
export function withoutStage(manifest: Manifest): Manifest {
  return { ...manifest, facts: { ...manifest.facts, files: [], used: {} } }
}

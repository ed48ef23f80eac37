import type { z } from 'zod'
import type { StoredDocument } from '../bookkeeping/bookkeeping-store.ts'

/**
 * The port of a place for files: a folder of this machine, or a bucket. Read this first. Paths are relative
 * to the place, with `/` between their parts; the first part is the folder of a stream.
 *
 * Exactly once: a file is written as a draft, which no reader sees. The manifest of the stream names the
 * draft together with the checkpoints, in one change of a document. Then the file is published, by whichever
 * process finds it in the manifest. A draft that no manifest names is deleted by the next attempt.
 */
export interface FileStore extends AsyncDisposable {
  /** For people: `/data/out`, `s3://bucket/prefix`. */
  readonly name: string
  /** Throws if files cannot be written there, or documents cannot be changed on a condition. */
  check(): Promise<void>
  /** The document with a name in a folder. */
  document<Content>(
    folder: string,
    name: string,
    schema: z.ZodType<Content>,
  ): StoredDocument<Content>
  /** The names of the folders at the top. */
  folders(): Promise<readonly string[]>
  newDraft(options: DraftOptions): DraftFile
  /**
   * Publishes drafts; those that are published already stay. Durable when it resolves. Returns those of which
   * there is neither a draft nor a file.
   */
  publish(drafts: readonly StoredDraft[]): Promise<readonly StoredDraft[]>
  /** Deletes the drafts of a stream, but not those whose ids are in `kept`. */
  deleteDrafts(stream: string, kept: ReadonlySet<string>): Promise<void>
  /** The paths of the published files of a stream, also those in folders of partitions. */
  files(stream: string): Promise<readonly string[]>
  /** It is no error if a file is not there. */
  deleteFiles(paths: readonly string[]): Promise<void>
}

export interface DraftOptions {
  /** The folder of the stream. */
  readonly stream: string
  /** The path of the file, once it is published. */
  readonly path: string
  /** Another attempt has other ids. */
  readonly id: string
}

/** A file that nobody sees yet. Nothing is written before there are bytes. */
export interface DraftFile {
  /** Bytes that wait in memory. */
  readonly heldBytes: number
  /** Resolves when there is room for more. The bytes belong to the draft from then on. */
  write(bytes: Buffer): Promise<void>
  /** Durable when it resolves, but not published. */
  close(): Promise<StoredDraft>
  discard(): Promise<void>
}

/** A draft as a manifest names it. */
export interface StoredDraft {
  readonly path: string
  /** Its name in the folder of drafts, or the id of its upload. */
  readonly draft: string
  /** The ETags of the parts of its upload. */
  readonly parts: readonly string[]
}

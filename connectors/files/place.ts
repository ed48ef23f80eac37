/** A version of a file. */
export interface FileEntry {
  /** Names the file for users, and orders files of the same time. */
  readonly key: string
  /** Below the prefix or folder. */
  readonly path: string
  readonly size: number
  readonly modifiedMs: number
  /** Differs between two versions of a file. */
  readonly version: string
}

/** Where files are read from. */
export interface FilePlace {
  /** For users: `s3://bucket/prefix`, or the folder. */
  readonly name: string
  /** The files whose paths begin with `start`. Throws `source_files_refused`, `source_files_unavailable`. */
  list(start: string): AsyncIterable<readonly FileEntry[]>
  /**
   * The bytes from `from` to `to` (exclusive) of this version. Throws `FileUnreadable`, and
   * `source_files_unavailable` if another attempt may succeed.
   */
  read(file: FileEntry, from: number, to: number): AsyncIterable<Uint8Array>
  /** The file as it is now; undefined if it is gone. */
  find(file: FileEntry): Promise<FileEntry | undefined>
}

/** One file cannot be read, and the others may. The message completes "the file cannot be read: it …". */
export class FileUnreadable extends Error {
  /** The file is no longer the version that was listed, or is gone. */
  readonly isOfChange: boolean
  /** A sentence: how to get the right that is missing. */
  readonly fix: string | undefined

  constructor(
    reason: string,
    { isOfChange, fix }: { readonly isOfChange: boolean; readonly fix?: string | undefined },
  ) {
    super(reason)
    this.isOfChange = isOfChange
    this.fix = fix
  }
}

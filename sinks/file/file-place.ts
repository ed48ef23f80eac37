import type { FileOptions } from '../row-files/file-options.ts'

/** Where the rows of a connection go: a folder for each stream. Plain data: it crosses a thread. */
export interface FileConfig extends FileOptions {
  readonly type: 'file'
  /** An absolute path. */
  readonly folder: string
}

import type { Command } from './program.ts'
import type { PythonEnvironment } from './python-environment.ts'

/** A program that does the same work, as its own documentation would have it done fast. */
export interface Peer {
  readonly name: string
  /** Settings of the peer that readers of the figures should know. */
  readonly note: string
  /** Pinned, so that figures of two days can be compared. */
  readonly packages: readonly string[]
  command(environment: PythonEnvironment, work: PeerWork): Command
}

export interface PeerWork {
  readonly sourceUrl: string
  readonly targetUrl: string
  /** The table with its schema. */
  readonly table: string
  readonly targetSchema: string
  readonly targetTable: string
  /** For the peer's own files; new for each round. */
  readonly workDir: string
}

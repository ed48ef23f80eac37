import type { Command } from './program.ts'
import type { PythonEnvironment } from './python-environment.ts'

/** A program that does the same work, as its own documentation would have it done fast. */
export interface Peer {
  readonly name: string
  /** What it was told to do that one should know when one reads the figures. */
  readonly note: string
  /** Pinned, so that figures of two days can be compared. */
  readonly packages: readonly string[]
  command(environment: PythonEnvironment, work: PeerWork): Command
}

export interface PeerWork {
  readonly sourceUrl: string
  readonly targetUrl: string
  /** With its schema. */
  readonly table: string
  readonly targetSchema: string
  readonly targetTable: string
  /** For the peer's own files; new for each round. */
  readonly workDir: string
}

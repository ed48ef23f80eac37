import type { LogLevel } from '../run/log-levels.ts'

/** `reactor connect source --manifest FILE COMMAND …`, or with `--type NAME`, as it was parsed. */
export interface SourceArguments {
  readonly command: 'spec' | 'check' | 'discover' | 'read' | 'validate' | 'try'
  /** For try. */
  readonly stream: string | undefined
  readonly manifest: string | undefined
  readonly type: string | undefined
  readonly config: string | undefined
  readonly catalog: string | undefined
  readonly state: string | undefined
  readonly writeCatalog: string | undefined
  /** For try: writes the types that were found into the manifest. */
  readonly writeSchema: boolean
  /** For try: also if the stream declares a schema. */
  readonly force: boolean
  readonly logLevel: LogLevel
  /** Numbers as they were written, for try. */
  readonly pages: string
  readonly slices: string
  /** For try: shows the stream as it is after references and parameters. */
  readonly resolved: boolean
  readonly json: boolean
}

export interface SourceCommandContext {
  /** Writes to standard output; resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>
  readonly signal: AbortSignal
  readonly allowedNetworks: readonly string[]
  /** Where imported manifests are. */
  readonly catalogFolder: string
  /** External connectors may be started. */
  readonly allowsProcesses: boolean
  now(): number
}

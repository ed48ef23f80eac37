import type { JsonValue } from '../../protocol/index.ts'
import type { ProcessDefinition } from './definition.ts'
import { PrivateFolder } from './private-folder.ts'
import { SupervisedProcess } from './supervised-process.ts'

/** A call of a connector on its command line. */
export interface ConnectorCall {
  readonly command: 'spec' | 'check' | 'discover' | 'read'
  /** Documents by the name of their option: `config`, `catalog`, `state`. */
  readonly files: Readonly<Record<string, JsonValue | undefined>>
  /** Files that exist, by the name of their option. */
  readonly paths?: Readonly<Record<string, string>>
}

/** A connector that runs, with the private folder of its files. */
export interface StartedConnector extends AsyncDisposable {
  readonly process: SupervisedProcess
}

/** Starts a call. On disposal, the processes and the files are gone. */
export function startConnector(
  definition: ProcessDefinition,
  { command, files, paths = {} }: ConnectorCall,
  onErrorLine: (line: string) => void,
): StartedConnector {
  const folder = new PrivateFolder()
  const args = Object.entries(files).flatMap(([name, document]) =>
    document === undefined ? [] : [`--${name}`, folder.write(`${name}.json`, document)],
  )
  const pathArgs = Object.entries(paths).flatMap(([name, path]) => [`--${name}`, path])
  const process = new SupervisedProcess({
    command: [...definition.command, command, ...args, ...pathArgs],
    environment: definition.environment,
    folder: folder.path,
    maxMemoryBytes: definition.max_memory_mb * 1024 * 1024,
    maxSilenceMs: definition.max_silence_seconds * 1_000,
    ...(command !== 'read' && { maxTimeMs: definition.max_ask_seconds * 1_000 }),
    onErrorLine,
  })
  return {
    process,
    [Symbol.asyncDispose]: async () => {
      await process[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

import type { DescribedDestination, FormProblem } from '../../sinks/run-file-form.ts'
import { type DestinationConfig, kindOfType } from '../../sinks/registry.ts'
import type { FileProblem } from './file-problem.ts'
import { defaultKafka, fieldsAt, type RunFile } from './run-file-schema.ts'
import { schemaProblems } from './schema-problems.ts'

export interface ResolvedDestination {
  readonly config: DestinationConfig
  /** The part of `destination.url` that is secret. */
  readonly secretUrl: string | undefined
}

/**
 * Where the file says that rows go. Adds to `problems` and gives undefined if something is missing or wrong.
 */
export async function resolveDestination(
  { destination: { type, url, config }, log }: Pick<RunFile, 'destination' | 'log'>,
  problems: FileProblem[],
  { folder, environment }: Pick<DescribedDestination, 'folder' | 'environment'>,
): Promise<ResolvedDestination | undefined> {
  const form = await kindOfType(type).runFile?.()
  if (form === undefined) throw new TypeError(`a run file has no destination of type ${type}`)
  const resolved = form.resolve(
    { url, config, folder, environment, logServers: logServers(log) },
    {
      add: ({ field, problem, fix }: FormProblem) => {
        const path = ['destination', ...field]
        problems.push({ code: 'run_file_invalid', path, at: 'value', problem, fix })
      },
      check: (schema, document) => {
        const parsed = schema.safeParse(document)
        if (parsed.success) return parsed.data
        const found = schemaProblems(parsed.error.issues, {
          document,
          base: ['destination', 'config'],
          knownFields: (path) => fieldsAt(schema, path),
          mayShow: () => false,
        })
        problems.push(...found)
        return undefined
      },
    },
  )
  if (resolved === undefined) return undefined
  return { config: resolved, secretUrl: url && form.secretOfUrl?.(url) }
}

function logServers(log: RunFile['log']): {
  readonly brokers: readonly string[]
  readonly ssl: boolean
  readonly sasl?: NonNullable<(typeof defaultKafka)['sasl']>
} {
  const { brokers, ssl, sasl } = typeof log === 'object' ? log.kafka : defaultKafka
  return { brokers, ssl, ...(sasl !== undefined && { sasl }) }
}

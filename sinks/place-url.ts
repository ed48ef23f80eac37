import type { DescribedDestination, FormProblem, RunFileForm } from './run-file-form.ts'

/**
 * Reads a place that a setting names by the form of run files. A problem shows no value: a URL may have a
 * secret.
 */
export function resolvePlace<Config>(
  form: RunFileForm<Config>,
  described: Pick<DescribedDestination, 'url' | 'config'>,
): Config | { readonly problem: string } {
  const problems: Pick<FormProblem, 'field' | 'problem'>[] = []
  const logServers = { brokers: [], ssl: false }
  const resolved = form.resolve(
    { ...described, logServers, folder: '/', environment: {} },
    {
      add: (problem) => problems.push(problem),
      check: (schema, document) => {
        const parsed = schema.safeParse(document)
        for (const { path, message } of parsed.error?.issues ?? [])
          problems.push({ field: path.map(String), problem: message })
        return parsed.data
      },
    },
  )
  if (resolved !== undefined && problems.length === 0) return resolved
  const [first] = problems
  const { field = [], problem = 'it is incomplete' } = first ?? {}
  return { problem: `has a wrong ${field.at(-1) ?? 'part'}: ${problem}` }
}

/** The options of files in the query of a URL, as `destination.config` of a run file has them. */
export function fileFieldsOf(query: Readonly<Record<string, string>>): Record<string, unknown> {
  const { file_mb: size, column, by, ...rest } = query
  return {
    ...rest,
    ...(column !== undefined && {
      partition_by: { column, ...(by !== undefined && { by }) },
    }),
    ...(size !== undefined && { file_mb: Number(size) }),
  }
}

import type { z } from 'zod'
import type { FileProblem } from './file-problem.ts'
import { fieldsAt } from './run-file-schema.ts'
import { schemaProblems } from './schema-problems.ts'

/** Something wrong with the destination: `field` is below `destination`. */
export interface DestinationProblem {
  readonly field: readonly string[]
  readonly problem: string
  readonly fix: string
}

export type AddProblem = (problem: DestinationProblem) => void

/** The configuration, checked. Adds to `problems` and gives undefined if that fails. */
export function checkedConfig<Config>(
  schema: z.ZodType<Config>,
  document: unknown,
  problems: FileProblem[],
): Config | undefined {
  const parsed = schema.safeParse(document)
  if (parsed.success) return parsed.data
  problems.push(
    ...schemaProblems(parsed.error.issues, {
      document,
      base: ['destination', 'config'],
      knownFields: (path) => fieldsAt(schema, path),
      mayShow: () => false,
    }),
  )
  return undefined
}

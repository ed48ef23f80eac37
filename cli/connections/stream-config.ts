import type { z } from 'zod'
import { ConnectError, isJsonList } from '../../protocol/index.ts'
import { connectionUpdateSchema } from '../../service/connections/schema.ts'
import { snakeCaseSchema } from '../../service/platform/wire.ts'
import { readJson } from '../input/json-input.ts'
import type { UserInput } from '../input/user-input.ts'
import { fieldsAt } from '../../plan/run-file/run-file-schema.ts'
import { schemaProblems } from '../../plan/run-file/schema-problems.ts'
import { fieldName } from '../../plan/run-file/source-position.ts'
import { usageError } from '../usage-error.ts'

const option = '--stream-config'
const what = 'a list of streams'
const schema = snakeCaseSchema(connectionUpdateSchema.shape.streams.unwrap())

/**
 * The streams of `--stream-config`. Throws `usage` with all that is wrong, in the words that a run file gets.
 */
export async function readStreamConfig(
  value: string,
  input: UserInput,
): Promise<z.output<typeof schema>> {
  return (await readJson({ option, value, schema, what, explain }, input)).value
}

function explain(issues: readonly z.core.$ZodIssue[], document: unknown): ConnectError {
  if (!isJsonList(document))
    return usageError(`${option} is not ${what}`, 'Write `[{"name":"orders"}]`.')
  const problems = schemaProblems(issues, {
    document,
    base: ['streams'],
    knownFields: (path) => fieldsAt(schema, path),
    mayShow: () => true,
  })
  const [first, ...others] = problems.map(({ path, problem, fix }) => ({
    problem: `${fieldName(path)}: ${problem}`,
    fix,
  }))
  if (first === undefined) return usageError(`${option} is not ${what}`, 'Correct it.')
  const more = others.map(({ problem, fix }) => `${problem}. ${fix}`)
  return new ConnectError('usage', {
    details: {
      problem: `${option}: ${first.problem}`,
      fix: first.fix,
      ...(more.length > 0 && { more }),
    },
  })
}

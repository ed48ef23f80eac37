import type { z } from 'zod'
import { ConnectError, isJsonList } from '../../protocol/index.ts'
import {
  connectionOptionsSchema,
  connectionUpdateSchema,
} from '../../service/connections/schema.ts'
import { snakeCaseSchema } from '../../service/platform/wire.ts'
import { readJson } from '../input/json-input.ts'
import type { UserInput } from '../input/user-input.ts'
import { fieldsAt } from '../../plan/run-file/run-file-schema.ts'
import { schemaProblems } from '../../plan/run-file/schema-problems.ts'
import { fieldName } from '../../plan/run-file/source-position.ts'
import { usageError } from '../usage-error.ts'

const schema = snakeCaseSchema(connectionUpdateSchema.shape.streams.unwrap())
const rulesSchema = snakeCaseSchema(connectionOptionsSchema.shape.writes.unwrap())

interface ListOption {
  readonly option: string
  readonly what: string
  readonly base: string
  readonly example: string
  readonly schema: z.ZodType
}

const streamList: ListOption = {
  option: '--stream-config',
  what: 'a list of streams',
  base: 'streams',
  example: '[{"name":"orders"}]',
  schema,
}
const ruleList: ListOption = {
  option: '--writes',
  what: 'a list of streams and their objects',
  base: 'writes',
  example: '[{"stream":"leads","object":"Lead"}]',
  schema: rulesSchema,
}

/**
 * The streams of `--stream-config`. Throws `usage` with all that is wrong, in the words that a run file gets.
 */
export async function readStreamConfig(
  value: string,
  input: UserInput,
): Promise<z.output<typeof schema>> {
  const { option, what } = streamList
  const explain = explaining(streamList)
  return (await readJson({ option, value, schema, what, explain }, input)).value
}

/** The rules of `--writes`. Throws as `readStreamConfig` does. */
export async function readWriteRules(
  value: string,
  input: UserInput,
): Promise<z.output<typeof rulesSchema>> {
  const { option, what } = ruleList
  const explain = explaining(ruleList)
  return (await readJson({ option, value, schema: rulesSchema, what, explain }, input)).value
}

function explaining(list: ListOption) {
  return (issues: readonly z.core.$ZodIssue[], document: unknown): ConnectError =>
    explain(list, issues, document)
}

function explain(
  { option, what, base, example, schema: checked }: ListOption,
  issues: readonly z.core.$ZodIssue[],
  document: unknown,
): ConnectError {
  if (!isJsonList(document)) return usageError(`${option} is not ${what}`, `Write \`${example}\`.`)
  const problems = schemaProblems(issues, {
    document,
    base: [base],
    knownFields: (path) => fieldsAt(checked, path),
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

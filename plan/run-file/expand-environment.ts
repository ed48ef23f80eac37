import type { Environment } from '../environment.ts'
import type { FileProblem } from './file-problem.ts'
import type { FieldPath } from './source-position.ts'

export interface Expanded {
  readonly value: unknown
  readonly problems: readonly FileProblem[]
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` inside the string values of a document. The default stands in for
 * a variable that is unset or empty, as in a shell; `$${` is a literal `${`. Keys are left alone.
 */
export function expandEnvironment(document: unknown, environment: Environment): Expanded {
  const problems: FileProblem[] = []
  const value = mapStrings(document, [], (text, path) =>
    text.replace(/\$?\$\{([^}]*)(\}?)/g, (whole, reference: string, close: string) => {
      if (whole.startsWith('$$')) return whole.slice(1)
      const variable = lookUp(close === '' ? '' : reference, environment)
      if (typeof variable === 'string') return variable
      problems.push(
        variable.missing === undefined
          ? malformedReference(path)
          : missingVariable(variable.missing, path),
      )
      return ''
    }),
  )
  return { value, problems }
}

/**
 * The value of `NAME` or `NAME:-default`; the name of a variable that is not set; nothing if the reference is
 * malformed.
 */
function lookUp(
  reference: string,
  environment: Environment,
): string | { readonly missing?: string } {
  const [, name, fallback] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(reference) ?? []
  if (name === undefined) return {}
  const value = environment[name]
  if (fallback !== undefined) return value === undefined || value === '' ? fallback : value
  return value ?? { missing: name }
}

function mapStrings(
  value: unknown,
  path: FieldPath,
  map: (text: string, path: FieldPath) => string,
): unknown {
  if (typeof value === 'string') return map(value, path)
  if (Array.isArray(value))
    return value.map((item, index) => mapStrings(item, [...path, index], map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapStrings(item, [...path, key], map)]),
  )
}

function missingVariable(name: string, path: FieldPath): FileProblem {
  const fix = `Set it before the run (\`export ${name}=…\`), or give it a default: \`\${${name}:-…}\`.`
  return {
    code: 'run_file_variable_missing',
    path,
    at: 'value',
    problem: `the environment variable ${name} is not set`,
    fix,
  }
}

function malformedReference(path: FieldPath): FileProblem {
  const fix =
    'Write `${NAME}` or `${NAME:-default}` with letters, digits and underscores in the name; a literal `${` is written `$${`.'
  return {
    code: 'run_file_invalid',
    path,
    at: 'value',
    problem: 'a reference to an environment variable is malformed',
    fix,
  }
}

import { ConnectError, type ErrorCodeName } from '../../protocol/index.ts'
import { fieldName, type FieldPath, type Position, type PositionIndex } from './source-position.ts'

/** One thing that is wrong with a run file. Never holds a value of a configuration: it may be a secret. */
export interface FileProblem {
  readonly code: Extract<
    ErrorCodeName,
    `run_file_${string}` | `stream_${string}` | 'pair_file_invalid'
  >
  readonly path: FieldPath
  /** Whether the name of the field is wrong (an unknown field) or its value. */
  readonly at: 'key' | 'value'
  readonly problem: string
  /** The next step, as an imperative sentence. */
  readonly fix: string
}

export interface RunFilePlace {
  /** The file as the user named it. */
  readonly file: string
  readonly positions: PositionIndex
}

/**
 * All problems of a file as the one error that is thrown: the first one in full, the others in
 * `details.more`.
 */
export function problemsError(problems: readonly FileProblem[], place: RunFilePlace): ConnectError {
  const sorted = problems
    .map((problem) => ({ problem, position: positionOf(problem, place.positions) }))
    .sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column)
  const [first, ...others] = sorted
  if (first === undefined)
    throw new ConnectError('unexpected', { details: { reason: 'an error without a problem' } })
  const more = others.map(
    ({ problem, position }) =>
      `${heading(place.file, position)} ${fieldName(problem.path)}: ${problem.problem}. ${problem.fix}`,
  )
  return problemAt(first.problem, first.position, { file: place.file, more })
}

/** A problem whose place is known without an index (a file that cannot be parsed). */
export function problemAt(
  problem: FileProblem,
  position: Position,
  context: { file: string; more?: readonly string[] },
): ConnectError {
  return new ConnectError(problem.code, {
    details: {
      place: `${context.file}:${String(position.line)}:${String(position.column)}`,
      file: context.file,
      line: position.line,
      column: position.column,
      field: fieldName(problem.path),
      problem: problem.problem,
      fix: problem.fix,
      ...(context.more !== undefined && context.more.length > 0 && { more: context.more }),
    },
  })
}

function positionOf(problem: FileProblem, positions: PositionIndex): Position {
  return problem.at === 'key' ? positions.ofKey(problem.path) : positions.ofValue(problem.path)
}

function heading(file: string, position: Position): string {
  return `${file}:${String(position.line)}:${String(position.column)}:`
}

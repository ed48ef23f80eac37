import { absentColumns, type AirbyteStream } from '../../protocol/index.ts'
import { nameSuggestion, nameList, nearestName } from '../../lib/text/near-names.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { StreamFields } from './stream-selection.ts'

type Path = StreamSelectionProblem['path']

/** The names of the stream's columns, in its order. */
export function columnNames({ json_schema }: AirbyteStream): readonly string[] {
  return Object.keys(json_schema.properties ?? {})
}

/**
 * The columns that a setting may name. One that is declared, but that the source no longer has, is read as
 * NULL: a condition or a mask of it would silently do nothing.
 */
export function namedColumns(stream: AirbyteStream): readonly string[] {
  const absent = absentColumns(stream.json_schema)
  return columnNames(stream).filter((name) => !absent.has(name))
}

export function isExclusion(columns: StreamFields['columns']): boolean {
  return typeof columns === 'object' && 'exclude' in columns
}

export interface ChosenColumns {
  /** In the order of the source. */
  readonly columns: readonly string[]
  readonly excluded: readonly string[]
  readonly problems: readonly StreamSelectionProblem[]
}

/** The columns that `columns` of a stream selects. */
export function chooseColumns(
  stream: AirbyteStream,
  { columns: wanted }: Pick<StreamFields, 'columns'>,
  path: Path,
): ChosenColumns {
  const known = columnNames(stream)
  if (wanted === undefined) return { columns: known, excluded: [], problems: [] }
  const place = [...path, 'columns']
  const { include, exclude } = isList(wanted) ? { include: wanted } : wanted
  const names = include ?? exclude
  if (names === undefined || (include !== undefined && exclude !== undefined)) {
    const problem =
      names === undefined ? 'selects no columns' : '`include` and `exclude` exclude each other'
    const fix = 'Give one of them: `{ include: [id, status] }` or `{ exclude: [phone] }`.'
    return { columns: known, excluded: [], problems: [problemAt(place, problem, fix)] }
  }
  const isListed = (name: string): boolean => names.includes(name)
  const listPath = isList(wanted)
    ? place
    : [...place, include === undefined ? 'exclude' : 'include']
  const present = namedColumns(stream)
  const problems = names.flatMap((name, index) =>
    present.includes(name) ? [] : [unknownColumn(name, [...listPath, index], present)],
  )
  const columns = known.filter((name) => isListed(name) === (include !== undefined))
  if (columns.length === 0 && problems.length === 0)
    problems.push(problemAt(listPath, 'no column is left', 'Exclude fewer columns.'))
  return { columns, excluded: known.filter((name) => !columns.includes(name)), problems }
}

function isList(columns: NonNullable<StreamFields['columns']>): columns is readonly string[] {
  return Array.isArray(columns)
}

export function unknownColumn(
  name: string,
  path: Path,
  known: readonly string[],
): StreamSelectionProblem {
  const near = nearestName(name, known)
  const suggestion = nameSuggestion(near)
  const fix = `${suggestion}The columns are: ${nameList(known, 20)}.`
  return problemAt(path, `the stream has no column "${name}"`, fix)
}

function problemAt(path: Path, problem: string, fix: string): StreamSelectionProblem {
  return { code: 'stream_column_not_found', path, at: 'value', problem, fix }
}

import {
  columnsOf,
  own,
  type AirbyteStream,
  type Column,
  type ColumnKind,
} from '../../protocol/index.ts'
import type { Mask } from '../../protocol/rules/record-rules.ts'
import { namedColumns, unknownColumn, type ChosenColumns } from './chosen-columns.ts'
import type { StreamSelectionProblem } from './stream-problem.ts'
import type { MaskChoice } from './stream-rules-schema.ts'
import type { StreamFields } from './stream-selection.ts'
import type { SyncChoice } from './sync-choice.ts'

type Path = StreamSelectionProblem['path']

/**
 * The columns of changes say which row a record is, and what happened to it: everything behind the source
 * knows them by name.
 */
const cdcPrefix = '_ab_cdc_'

export interface RuleRequest {
  readonly stream: AirbyteStream
  readonly fields: Partial<StreamFields>
  readonly chosen: ChosenColumns
  readonly sync: Pick<SyncChoice, 'syncMode' | 'mode' | 'cursorField' | 'primaryKey'>
  readonly path: Path
}

export function newNameOf(name: string, rename: StreamFields['rename'] = {}): string {
  return own(rename, name) ?? name
}

export function maskFor(choice: MaskChoice): Mask {
  if (choice === null || choice === 'null') return { as: 'null' }
  if (choice === 'hash') return { as: 'hash' }
  if ('constant' in choice) return { as: 'constant', text: choice.constant }
  return { as: 'keep_last', characters: choice.keep_last }
}

export function ruleProblem(path: Path, problem: string, fix: string): StreamSelectionProblem {
  return { code: 'stream_rule_invalid', path, at: 'value', problem, fix }
}

export function renameProblems({
  stream,
  fields: { rename = {} },
  chosen,
  path,
}: RuleRequest): StreamSelectionProblem[] {
  const known = namedColumns(stream)
  return Object.entries(rename).flatMap(([name, newName]) => {
    const place = [...path, 'rename', name]
    if (!known.includes(name)) return [unknownColumn(name, place, known)]
    if (!chosen.columns.includes(name)) return [leftOut(name, place)]
    if (name.startsWith(cdcPrefix) || newName.startsWith(cdcPrefix))
      return [
        ruleProblem(place, `names that begin with ${cdcPrefix} are those of changes`, 'Remove it.'),
      ]
    const other = chosen.columns.find(
      (column) => column !== name && newNameOf(column, rename) === newName,
    )
    if (other === undefined) return []
    const problem = `"${newName}" is the name of column "${other}" too`
    return [ruleProblem(place, problem, `Give one of them another name, or leave ${other} out.`)]
  })
}

export function maskProblems(request: RuleRequest): StreamSelectionProblem[] {
  const { stream, fields, chosen, path } = request
  const known = namedColumns(stream)
  const all = columnsOf(stream.json_schema).filter(({ name }) => known.includes(name))
  return Object.entries(fields.mask ?? {}).flatMap(([name, choice]) => {
    const place = [...path, 'mask', name]
    const column = all.find((other) => other.name === name)
    if (column === undefined) return [unknownColumn(name, place, known)]
    if (!chosen.columns.includes(name)) return [leftOut(name, place)]
    const mask = maskFor(choice)
    const [problem, fix] = roleProblem(column, mask, request) ?? kindProblem(column, mask) ?? []
    return problem === undefined || fix === undefined ? [] : [ruleProblem(place, problem, fix)]
  })
}

type Refusal = readonly [problem: string, fix: string]

/** A mask that would break what the column is there for. */
function roleProblem({ name }: Column, { as }: Mask, { sync }: RuleRequest): Refusal | undefined {
  if (name.startsWith(cdcPrefix)) return ['it says what happened to the record', 'Remove the mask.']
  const usesCursor = sync.syncMode === 'incremental' || sync.mode.endsWith('_dedup')
  if (usesCursor && sync.cursorField === name)
    return [
      `"${name}" is the cursor: hidden values have no order, and its last one is in the checkpoints`,
      'Choose another `cursor_field`, or remove the mask.',
    ]
  if (as === 'hash' || !sync.primaryKey.includes(name)) return undefined
  return [
    `"${name}" belongs to the primary key: rows would not be distinguished any more`,
    `Use \`${name}: hash\`: equal values have equal hashes.`,
  ]
}

const shortened: ReadonlySet<ColumnKind> = new Set(['string', 'integer'])

function kindProblem({ name, kind }: Column, { as }: Mask): Refusal | undefined {
  if (as === 'hash' && kind === 'json')
    return [
      `a value of "${name}" is JSON, which can be written in many ways`,
      'Use `null`, or leave the column out.',
    ]
  if (as !== 'keep_last' || shortened.has(kind)) return undefined
  return [
    `"${name}" is neither a text nor a whole number`,
    'Use `null`, `hash` or `{ constant: … }`.',
  ]
}

function leftOut(name: string, path: Path): StreamSelectionProblem {
  return ruleProblem(path, `"${name}" is left out by \`columns\``, 'Remove it here, or select it.')
}

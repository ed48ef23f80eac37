import {
  CORE_SCHEMA,
  EVENT_ID,
  SCALAR_STYLE,
  YAMLException,
  constructFromEvents,
  getScalarValue,
  parseEvents,
} from 'js-yaml'
import type { Event } from 'js-yaml'
import { limitAliases } from '../../manifest-interpreter/yaml/alias-limit.ts'
import { NodeError } from '../../manifest-interpreter/yaml/yaml-error.ts'
import { problemAt, type FileProblem } from './file-problem.ts'
import { PositionIndex, type FieldPath, type SourceDocument } from './source-position.ts'

/** Parses a YAML run file and records the positions of its fields. */
export function parseYaml(text: string, file: string): SourceDocument {
  const source = maskReferences(text)
  const positions = new PositionIndex(source)
  try {
    const events = parseEvents(source, { filename: file })
    limitAliases(source, events)
    const documents = constructFromEvents(events, { source, schema: CORE_SCHEMA })
    if (documents.length > 1) {
      const fix =
        'Keep one document in a file: remove the lines `---`, and put other connections into files of their own.'
      throw problemAt(
        syntaxProblem(`it holds ${String(documents.length)} documents`, fix),
        { line: 1, column: 1 },
        { file },
      )
    }
    indexEvents(events, source, positions)
    return { value: unmaskReferences(documents[0] ?? null), positions }
  } catch (error) {
    if (error instanceof NodeError) {
      throw problemAt(aliasProblem, positions.positionAt(error.offset), { file })
    }
    if (!(error instanceof YAMLException)) throw error
    const position = { line: (error.mark?.line ?? 0) + 1, column: (error.mark?.column ?? 0) + 1 }
    throw problemAt(syntaxProblem(...explain(error.reason)), position, { file })
  }
}

/**
 * `${NAME}` may stand without quotes anywhere, also in `{ password: ${NAME} }`, where plain YAML would read a
 * nested mapping. The braces are swapped for private characters of the same length, so that offsets stay
 * right, and swapped back in the values.
 */
function maskReferences(text: string): string {
  return text.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*(?::-[^}\n]*)?)\}/g, '$$\uE000$1\uE001')
}

function unmaskReferences(value: unknown): unknown {
  if (typeof value === 'string') return unmask(value)
  if (Array.isArray(value)) return value.map(unmaskReferences)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [unmask(key), unmaskReferences(item)]),
  )
}

function unmask(text: string): string {
  return text.replaceAll('\uE000', '{').replaceAll('\uE001', '}')
}

/**
 * Without the words of the error: they hold a name, and a secret that is not in quotes may begin with `*`.
 */
const aliasProblem: FileProblem = syntaxProblem(
  'an alias expands to too many values, or contains itself',
  'Use fewer aliases. Put a value that begins with `*` or `&` into quotes.',
)

function syntaxProblem(problem: string, fix: string): FileProblem {
  return { code: 'run_file_syntax', path: [], at: 'value', problem, fix }
}

/**
 * The parser's message, without the text that it quotes (an unquoted secret may begin with `*` or `!`), and
 * what to do about it.
 */
function explain(reason: string): [problem: string, fix: string] {
  const problem = reason.replace(/\s*(?:!<[^>]*>|"[^"]*")/g, '')
  if (/alias|anchor/.test(reason))
    return [problem, 'Put a value that begins with `*` or `&` into quotes.']
  if (reason.includes('tag')) return [problem, 'Put a value that begins with `!` into quotes.']
  if (reason.includes('duplicated'))
    return [problem, 'Keep one of the two fields of the same name.']
  if (reason.includes('deficient indentation'))
    return [problem, 'Close what is open (quotes, brackets), or indent the lines that continue it.']
  if (reason.includes('indentation')) {
    return [
      problem,
      'Line the field up with its neighbours, with spaces; put a value that contains `: ` into quotes.',
    ]
  }
  if (reason.includes('escape'))
    return [problem, 'Use single quotes for a value with backslashes, or double each backslash.']
  if (reason.includes('end of the stream within'))
    return [problem, 'Close the quotes, bracket or brace that is open.']
  return [problem, 'Check quotes, brackets and indentation (spaces, never tabs) at this place.']
}

interface OpenCollection {
  readonly kind: 'mapping' | 'sequence'
  readonly path: FieldPath
  /** In a mapping: the key whose value comes next. */
  key: string | undefined
  next: number
}

/** Walks the parser's events and notes the offset of every key and value. */
function indexEvents(events: readonly Event[], source: string, positions: PositionIndex): void {
  const open: OpenCollection[] = []
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      open.pop()
      continue
    }
    if (event.type === EVENT_ID.DOCUMENT) {
      // The end of a document is a POP too.
      open.push({ kind: 'sequence', path: [], key: undefined, next: 0 })
      continue
    }
    const parent = open.at(-1)
    const offset = offsetOf(event)
    if (parent?.kind === 'mapping' && parent.key === undefined) {
      parent.key = event.type === EVENT_ID.SCALAR ? unmask(getScalarValue(source, event)) : ''
      positions.addKey([...parent.path, parent.key], offset)
      // A key that is a collection is refused when the document is constructed; its events never come here.
      continue
    }
    const path = open.length < 2 ? [] : childPath(parent)
    if (offset >= 0) positions.addValue(path, offset)
    if (event.type === EVENT_ID.MAPPING)
      open.push({ kind: 'mapping', path, key: undefined, next: 0 })
    if (event.type === EVENT_ID.SEQUENCE)
      open.push({ kind: 'sequence', path, key: undefined, next: 0 })
  }
}

function childPath(parent: OpenCollection | undefined): FieldPath {
  if (parent === undefined) return []
  if (parent.kind === 'sequence') return [...parent.path, parent.next++]
  const key = parent.key ?? ''
  parent.key = undefined
  return [...parent.path, key]
}

function offsetOf(event: Exclude<Event, { type: 1 | 6 }>): number {
  if (event.type === EVENT_ID.SCALAR) {
    const isQuoted =
      event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED
    return isQuoted ? event.valueStart - 1 : event.valueStart
  }
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart
  return event.start
}

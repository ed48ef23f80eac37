import { dirname, resolve } from 'node:path'
import type { PlacedStream, StreamPlace } from '../../engine/two-way/open-pair.ts'
import type { PairOptions, PairStream } from '../../engine/two-way/pair-types.ts'
import type { TwoWayDatabase } from '../../engine/two-way/postgres/two-way-session.ts'
import { canonicalJson } from '../../lib/text/canonical-json.ts'
import { parseConflictRules, type ConflictRules } from '../../sinks/two-way/conflict-rules.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { Environment } from '../environment.ts'
import { expandEnvironment } from '../run-file/expand-environment.ts'
import { problemsError, type FileProblem } from '../run-file/file-problem.ts'
import { parseDocument, readDocumentText } from '../run-file/read-document.ts'
import { fieldsAt } from '../run-file/run-file-schema.ts'
import { schemaProblems } from '../run-file/schema-problems.ts'
import type { FieldPath } from '../run-file/source-position.ts'
import { problemOf, samePlaceProblems, streamProblems } from './pair-file-problems.ts'
import { pairFileSchema, type PairFile, type PairFileStream } from './pair-file-schema.ts'
import type { ReadSide, SideParts, SideProblems, SideStream } from './side-kind.ts'
import { sideKindOf } from './side-kinds.ts'

/** A pair file that is complete and valid, as far as that can be known without asking the sides. */
export interface LoadedPairFile {
  readonly name: string
  readonly sides: Readonly<Record<SideName, ReadSide>>
  /** The side whose database has the links. */
  readonly linksOn: SideName
  readonly linksDatabase: TwoWayDatabase
  readonly streams: readonly PlacedStream[]
  readonly options: PairOptions
  /** A run without end compares all records so long after it has last done so. */
  readonly sweepMs: number
  /** A first alignment that creates more records needs the token of a preview. */
  readonly createLimit: number
  /** All that decides what a round does, without secrets: for the token of a preview. */
  readonly fingerprint: string
  /** Texts that must never be shown. */
  readonly secrets: readonly string[]
}

/** Reads, expands and checks a pair file. Throws an error that names the line, field, problem and fix. */
export async function loadPairFile(
  file: string,
  environment: Environment,
): Promise<LoadedPairFile> {
  const { value, positions } = parseDocument(await readDocumentText(file), file)
  const place = { file, positions }
  const expanded = expandEnvironment(value, environment)
  if (expanded.problems.length > 0) throw problemsError(expanded.problems, place)
  const problems: FileProblem[] = []
  const content = parseContent(expanded.value ?? {}, problems)
  if (content === undefined) throw problemsError(problems, place)
  const names = content.streams.map(({ name }) => name)
  const rules = parseConflictRules([content.rules].flat().join(','), names)
  problems.push(...streamProblems(content, rules))
  const folder = dirname(resolve(file))
  const a = await readSide('a', content, { problems, environment, folder })
  const b = await readSide('b', content, { problems, environment, folder })
  if (a === undefined || b === undefined) throw problemsError(problems, place)
  const sides = { a, b }
  problems.push(...samePlaceProblems(content, sides))
  const linksOn = content.links_on ?? standardLinks(sides)
  const links = sides[linksOn].side
  if (links.kind !== 'postgres') {
    const problem = `side ${linksOn} cannot hold the links, which need a database`
    problems.push(problemOf(['links_on'], problem, 'Name the side that is PostgreSQL.'))
  }
  if (links.kind !== 'postgres' || problems.length > 0) throw problemsError(problems, place)
  return {
    ...{ name: content.pair, sides, linksOn, linksDatabase: links.database },
    createLimit: content.create_limit,
    sweepMs: content.sweep_minutes * 60_000,
    streams: content.streams.map((stream) => ({
      ...pairStream(stream, content, rules),
      places: { a: placeOf(stream.name, a), b: placeOf(stream.name, b) },
    })),
    options: pairOptions(content),
    fingerprint: canonicalJson({ ...content, a: a.place, b: b.place }),
    secrets: [...a.secrets, ...b.secrets],
  }
}

/** Side a, unless only b is a database. */
function standardLinks({ a, b }: LoadedPairFile['sides']): SideName {
  return a.side.kind !== 'postgres' && b.side.kind === 'postgres' ? 'b' : 'a'
}

function placeOf(stream: string, { streams }: ReadSide): StreamPlace {
  const place = streams.get(stream)
  if (place === undefined) throw new TypeError(`a side has no place of ${stream}`)
  return place
}

function parseContent(document: unknown, problems: FileProblem[]): PairFile | undefined {
  const parsed = pairFileSchema.safeParse(document)
  if (parsed.success) return parsed.data
  const found = schemaProblems(parsed.error.issues, {
    document,
    base: [],
    knownFields: (path) => fieldsAt(pairFileSchema, path),
    mayShow: ([first, second]) => (first !== 'a' && first !== 'b') || second === 'type',
  })
  problems.push(...found.map(asPairProblem))
  return undefined
}

/** A problem of a run file's schema, as one of a pair file. */
function asPairProblem({ fix, ...problem }: FileProblem): FileProblem {
  const page = fix.replace('docs/run-file.md', 'docs/two-way.md')
  return { ...problem, code: 'pair_file_invalid', fix: page }
}

async function readSide(
  side: SideName,
  content: PairFile,
  {
    problems,
    ...context
  }: { readonly problems: FileProblem[] } & Pick<SideParts, 'environment' | 'folder'>,
): Promise<ReadSide | undefined> {
  const { type, ...config } = content[side]
  const streams = content.streams.map((stream): SideStream => ({
    name: stream.name,
    place: stream[side],
    deletes: stream.deletes ?? content.deletes,
    fields: new Map(
      stream.fields.map((field) =>
        typeof field === 'string' ? [field, field] : [field.name, field[side] ?? field.name],
      ),
    ),
  }))
  return await sideKindOf(type).read(
    { side, type, config, streams, ...context },
    sideProblems(side, content, problems),
  )
}

function sideProblems(
  side: SideName,
  { streams }: PairFile,
  problems: FileProblem[],
): SideProblems {
  const baseOf = (stream: string | undefined): FieldPath =>
    stream === undefined
      ? [side]
      : ['streams', streams.findIndex(({ name }) => name === stream), side]
  return {
    check: (schema, document, stream) => {
      const parsed = schema.safeParse(document)
      if (parsed.success) return parsed.data
      const found = schemaProblems(parsed.error.issues, {
        document,
        base: baseOf(stream),
        knownFields: (path) => fieldsAt(schema, path),
        mayShow: () => false,
      })
      problems.push(...found.map(asPairProblem))
      return undefined
    },
    add: ({ path, stream, problem, fix }) => {
      problems.push(problemOf([...baseOf(stream), ...path], problem, fix))
    },
    addFound: (found) => {
      problems.push(...found.map(asPairProblem))
    },
  }
}

function pairStream(stream: PairFileStream, content: PairFile, rules: ConflictRules): PairStream {
  const creates = stream.creates ?? content.creates
  return {
    name: stream.name,
    rules: rules.get(stream.name) ?? { rule: 'review', fields: {} },
    deletes: stream.deletes ?? content.deletes,
    ...(stream.match !== undefined && { matchField: stream.match }),
    mayCreate: {
      a: creates === 'both' || creates === 'a',
      b: creates === 'both' || creates === 'b',
    },
    fields: stream.fields.map((field) => {
      if (typeof field === 'string') return { name: field }
      const { name, references, required } = field
      return {
        name,
        ...(references !== undefined && { references }),
        ...(required === true && { isRequired: true as const }),
      }
    }),
  }
}

function pairOptions(content: PairFile): PairOptions {
  const {
    delete_limit: deleteLimit,
    loop_limit: loop,
    skew_tolerance_ms: skewToleranceMs,
  } = content
  const loopLimit = { writes: loop.writes, windowMs: loop.minutes * 60_000 }
  return { deleteLimit, loopLimit, skewToleranceMs, allowsDeletes: false }
}

import { nameList, nameSuggestion, nearestName } from '../../lib/text/near-names.ts'
import type { ConflictRules } from '../../sinks/two-way/conflict-rules.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { FileProblem } from '../run-file/file-problem.ts'
import type { FieldPath } from '../run-file/source-position.ts'
import type { PairFile, PairFileStream } from './pair-file-schema.ts'
import type { ReadSide } from './side-kind.ts'

export function problemOf(path: FieldPath, problem: string, fix: string): FileProblem {
  return { code: 'pair_file_invalid', path, at: 'value', problem, fix }
}

/** Names of streams and fields that are there twice, or not at all. */
export function streamProblems(
  { streams }: PairFile,
  rules: ConflictRules,
): readonly FileProblem[] {
  const names = streams.map(({ name }) => name)
  return streams.flatMap((stream, index) => [
    ...twice(names, index, ['streams', index, 'name'], 'stream'),
    ...ruleProblems(stream, rules),
    ...fieldProblems(stream, ['streams', index], names),
  ])
}

function twice(
  names: readonly string[],
  index: number,
  path: FieldPath,
  what: string,
): readonly FileProblem[] {
  return names.indexOf(names[index] ?? '') < index
    ? [problemOf(path, `another ${what} has this name`, 'Rename one of them.')]
    : []
}

function ruleProblems(
  { name, fields }: PairFileStream,
  rules: ConflictRules,
): readonly FileProblem[] {
  const own = rules.get(name)
  if (own === undefined) {
    const fix = `Add one: \`${name}:review\`.`
    return [problemOf(['rules'], `there is no rule for ${name}`, fix)]
  }
  const known = namesOf(fields)
  return Object.keys(own.fields)
    .filter((field) => !known.includes(field))
    .map((field) => unknownName(['rules'], `field ${field} of ${name}`, { name: field, known }))
}

function fieldProblems(
  { match, fields }: PairFileStream,
  path: FieldPath,
  streams: readonly string[],
): readonly FileProblem[] {
  const known = namesOf(fields)
  const matchProblems =
    match === undefined || known.includes(match)
      ? []
      : [unknownName([...path, 'match'], `field ${match}`, { name: match, known })]
  return [
    ...matchProblems,
    ...fields.flatMap((field, index) => {
      const place = [...path, 'fields', index]
      const target = typeof field === 'string' ? undefined : field.references
      return [
        ...twice(known, index, place, 'field'),
        ...(target === undefined || streams.includes(target)
          ? []
          : [
              unknownName([...place, 'references'], `stream ${target}`, {
                name: target,
                known: streams,
              }),
            ]),
      ]
    }),
  ]
}

function namesOf(fields: PairFileStream['fields']): readonly string[] {
  return fields.map((field) => (typeof field === 'string' ? field : field.name))
}

function unknownName(
  path: FieldPath,
  what: string,
  { name, known }: { readonly name: string; readonly known: readonly string[] },
): FileProblem {
  const fix = `${nameSuggestion(nearestName(name, known))}The file has ${nameList(known)}.`
  return problemOf(path, `the file has no ${what}`, fix)
}

/** A table that is linked with itself would be emptied and filled by its own writes. */
export function samePlaceProblems(
  { streams }: PairFile,
  { a, b }: Readonly<Record<SideName, ReadSide>>,
): readonly FileProblem[] {
  return streams.flatMap(({ name }, index) => {
    const place = a.streamPlaces.get(name)
    const isSame = place !== undefined && place === b.streamPlaces.get(name)
    if (!isSame) return []
    const problem = 'is the same table of the same database as `a`'
    return [problemOf(['streams', index, 'b'], problem, 'Name two different tables.')]
  })
}

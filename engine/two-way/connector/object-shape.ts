import { nameList, nameSuggestion, nearestName } from '../../../lib/text/near-names.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type {
  RecordWriter,
  WritableField,
  WritableObject,
} from '../../../connectors/record-writer.ts'
import type { PairStream } from '../pair-types.ts'
import { mappingProblem, type FieldLens, type MappingProblem } from '../../../sinks/two-way/lens.ts'
import { kindOfType, type FieldKind } from './shared-value.ts'

/** An object of a vendor on a side, as a person names it. */
export interface ObjectOptions {
  /** The vendor's name of the object: `Contact`. */
  readonly object: string
  /** The vendor's fields by their shared names. */
  readonly fields: ReadonlyMap<string, string>
  /** Fields whose values the vendor writes otherwise, by their shared names: a stage has other words. */
  readonly values?: ReadonlyMap<string, FieldLens> | undefined
  /**
   * Fields that have this value, as shared text, in all records of the stream. Records that are created get
   * it; those with another value are out of scope, and not deleted.
   */
  readonly constants?: ReadonlyMap<string, string> | undefined
  /** The field with the vendor's ids. Default: `Id`, whatever the case of its letters. */
  readonly key?: string | undefined
  /**
   * An external id that nothing else uses: records that are created carry their link in it, so that a
   * creation whose result was lost is found again.
   */
  readonly linkField?: string | undefined
  /** The cursor of the stream. Rounds that only look at changes find them by it. Absent: only sweeps do. */
  readonly cursor?: string | undefined
  /** The field with the time of the last change, for `last_write_wins`. */
  readonly modified?: string | undefined
  /** A field that is true, or has a time, in records that count as deleted. */
  readonly deleted?: string | undefined
  /**
   * A record that is not there, and of which the vendor does not say that it was deleted. Default: `hidden`.
   * A vendor that says whether this user sees everything decides it itself.
   */
  readonly missing?: 'hidden' | 'deleted' | undefined
  /** How its records are written. Default: that of the side. */
  readonly mode?: 'guarded' | 'fast' | undefined
}

/** An object as the vendor describes it, and what of it the side uses. */
export interface ObjectShape {
  readonly stream: string
  readonly options: ObjectOptions
  readonly object: WritableObject
  /** By shared name. */
  readonly fields: ReadonlyMap<string, ObjectField>
  readonly constants: readonly ConstantField[]
  readonly key: string
  /** How a creation is found again. */
  readonly creation: CreationKey
  readonly modified: ObjectField | undefined
  readonly deleted: ObjectField | undefined
  readonly matchField: string | undefined
}

export interface ObjectField {
  readonly name: string
  readonly kind: FieldKind
  readonly lens?: FieldLens
}

export interface ConstantField extends ObjectField {
  readonly value: string
}

/**
 * - `link`: the record carries its link in an external id;
 * - `match`: by the value of the match field, which is an external id;
 * - `key`: the vendor carries out creations with the same key once;
 * - `none`: it cannot be, so records are not created.
 */
export type CreationKey =
  | { readonly by: 'link'; readonly field: string }
  | { readonly by: 'match'; readonly field: string; readonly sharedName: string }
  | { readonly by: 'key' }
  | { readonly by: 'none' }

export interface SideUse extends Pick<PairStream, 'name' | 'deletes' | 'matchField'> {
  /** Records that only the other side has are created here. */
  readonly creates: boolean
}

/** Reads the shape of an object. Throws `pair_stream_invalid` if two-way sync cannot work with it. */
export async function readObjectShape(
  options: ObjectOptions,
  use: SideUse,
  writer: Pick<RecordWriter, 'describe'>,
): Promise<ObjectShape> {
  const object = await writer.describe(options.object)
  const finder = new FieldFinder(object, use.name)
  const unlawful = objectMappingProblem(options)
  if (unlawful !== undefined)
    throw finder.refuse(`field ${unlawful.field}: ${unlawful.problem}`, unlawful.fix)
  const shape: ObjectShape = {
    ...{ stream: use.name, options, object, matchField: use.matchField },
    fields: new Map(
      [...options.fields].map(([shared, name]) => {
        const lens = options.values?.get(shared)
        return [shared, { ...finder.writable(name), ...(lens !== undefined && { lens }) }] as const
      }),
    ),
    constants: [...(options.constants ?? [])].map(([name, value]) => {
      return { ...finder.writable(name), value }
    }),
    key: options.key === undefined ? finder.id() : finder.named(options.key).name,
    creation: creationKey(options, use, finder),
    modified: options.modified === undefined ? undefined : finder.field(options.modified),
    deleted: options.deleted === undefined ? undefined : finder.writable(options.deleted),
  }
  if (options.cursor !== undefined) finder.named(options.cursor)
  requireOperations(shape, use, finder)
  return shape
}

/** The first field whose directions do not fit together. Undefined: there is none. */
export function objectMappingProblem({
  fields,
  values,
  constants = new Map(),
}: Pick<ObjectOptions, 'fields' | 'values' | 'constants'>): MappingProblem | undefined {
  const same = { kind: 'same' } as const
  const mapped = [...fields].map(([name, own]) => ({ name, own, lens: values?.get(name) ?? same }))
  const fixed = [...constants].map(([own, value]) => {
    return { name: own, own, lens: { kind: 'constant', value } as const }
  })
  // Records with other values are out of scope.
  return mappingProblem([...mapped, ...fixed], Object.fromEntries(constants))
}

class FieldFinder {
  readonly object: WritableObject
  readonly #stream: string

  constructor(object: WritableObject, stream: string) {
    this.object = object
    this.#stream = stream
  }

  refuse(problem: string, fix: string): ConnectError {
    return new ConnectError('pair_stream_invalid', {
      details: { stream: this.#stream, problem, fix },
    })
  }

  named(name: string): WritableField {
    const { name: object, fields } = this.object
    const found = fields.find((field) => field.name === name)
    if (found !== undefined) return found
    const names = fields.map((field) => field.name)
    throw this.refuse(
      `${object} has no field ${name}, or the user may not see it`,
      `${nameSuggestion(nearestName(name, names))}Name a field that the user may see, or give it a permission set that shows ${name}. It sees ${nameList(names)}.`,
    )
  }

  field(name: string): ObjectField {
    const { type } = this.named(name)
    const kind = kindOfType(type)
    if (kind !== undefined) return { name, kind }
    throw this.refuse(
      `field ${name} of ${this.object.name} is of the type ${type}, which is made of several values`,
      'Leave it out, and name the fields that it is made of.',
    )
  }

  writable(name: string): ObjectField {
    const { onCreate, onUpdate } = this.named(name)
    if (onCreate && onUpdate) return this.field(name)
    const may = onCreate || onUpdate ? (onCreate ? 'only create' : 'only change') : 'not write'
    throw this.refuse(
      `the user may ${may} field ${name} of ${this.object.name}`,
      'Leave it out of the fields of the stream, or give the user the right to edit it.',
    )
  }

  id(): string {
    const found = this.object.fields.find(({ name }) => name.toLowerCase() === 'id')
    if (found !== undefined) return found.name
    throw this.refuse(
      `${this.object.name} shows no field \`id\``,
      'Name the field with its ids as `key`.',
    )
  }
}

function creationKey(
  { linkField, fields, values }: ObjectOptions,
  { matchField }: SideUse,
  finder: FieldFinder,
): CreationKey {
  const { externalIds, name, repeats } = finder.object
  if (linkField !== undefined) {
    finder.writable(linkField)
    if (externalIds.includes(linkField)) return { by: 'link', field: linkField }
    throw finder.refuse(
      `field ${linkField} of ${name} is no external id, so a record cannot be found by the link in it`,
      'Name a text field that is unique and an external id, and that nothing else uses.',
    )
  }
  const isMapped = matchField !== undefined && values?.has(matchField) === true
  const matched = matchField === undefined || isMapped ? undefined : fields.get(matchField)
  if (matched !== undefined && matchField !== undefined && externalIds.includes(matched))
    return { by: 'match', field: matched, sharedName: matchField }
  return repeats.includes('create') ? { by: 'key' } : { by: 'none' }
}

function requireOperations(shape: ObjectShape, use: SideUse, finder: FieldFinder): void {
  const { object, creation, deleted } = shape
  const needed = [
    'update' as const,
    ...(use.creates ? (['create'] as const) : []),
    ...(use.deletes === 'propagate' ? (['delete'] as const) : []),
  ]
  const missing = needed.find((operation) => !object.operations.includes(operation))
  if (missing !== undefined)
    throw finder.refuse(
      `the user may not ${missing} records of ${object.name}`,
      'Give the user the right, or change what the stream creates and deletes.',
    )
  if (use.deletes === 'soft' && deleted === undefined)
    throw finder.refuse(
      `a deletion marks the record, and ${object.name} has no field for the mark`,
      'Name a field of the vendor as `deleted`, or choose another policy for deletions.',
    )
  if (deleted !== undefined && deleted.kind !== 'boolean' && deleted.kind !== 'time')
    throw finder.refuse(
      `field ${deleted.name} of ${object.name} cannot mark a deletion`,
      'Name a field that is true or false, or that holds a time.',
    )
  if (use.creates) requireCreation(shape, creation, finder)
}

function requireCreation(shape: ObjectShape, creation: CreationKey, finder: FieldFinder): void {
  const { object, fields, constants } = shape
  if (creation.by === 'none')
    throw finder.refuse(
      `a record of ${object.name} whose creation had no response could not be found again, and would be there twice`,
      'Add a unique external id to the object and name it as `link_field`, match by an external id, or do not create records on this side.',
    )
  const set = new Set([...fields.values(), ...constants].map(({ name }) => name))
  const unset = object.fields.filter(({ name, isRequired }) => isRequired && !set.has(name))
  if (unset.length > 0)
    throw finder.refuse(
      `a record of ${object.name} cannot be created without ${nameList(unset.map(({ name }) => name))}`,
      'Map these fields, or do not create records on this side.',
    )
}

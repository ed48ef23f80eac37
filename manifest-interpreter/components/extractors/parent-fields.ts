import { SourceError } from '../../contracts.ts'
import { flag, list } from '../../definition.ts'
import { copy, entries, get, isDict, isPlainDict, merged, remove, set } from '../../value/dict.ts'
import { PythonError, valueError } from '../../value/python-error.ts'
import { copyDict, copyValue } from '../transformations/copy-value.ts'
import { create, DpathError, findAll, type Glob } from '../transformations/dpath.ts'
import { evaluatePath, lookUp, requireOneField } from './expander-path.ts'
import type { Builder } from '../../component.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/**
 * The fields that RecordExpander adds to the items of a list from their parent: `merge_parent`,
 * `parent_fields`, `remain_original_record`.
 */
export class ParentFields {
  readonly #list: Glob
  readonly #merges: boolean
  readonly #embeds: boolean
  readonly #fields: readonly CopiedField[]

  /** @param list the path of the items in the parent */
  constructor(definition: PlainDict, list: Glob, builder: Builder) {
    this.#list = list
    this.#merges = flag(definition, 'merge_parent', false)
    this.#embeds = flag(definition, 'remain_original_record', false)
    this.#fields = copiedFields(definition, builder)
  }

  /**
   * Makes records of the items of this parent. Each record gets its own copy of the parent's values, because
   * a transformation may change it.
   */
  fieldsOf(parent: Dict): { complete(item: Value): Value } {
    const carries = this.#merges || this.#embeds || this.#fields.length > 0
    const base = this.#merges ? withoutLists(parent, this.#list) : null
    return {
      complete: (item) => {
        if (isDict(item)) return this.#complete(copy(item), parent, base)
        return carries ? this.#complete({ value: item }, parent, base) : item
      },
    }
  }

  /** In this order: a named field replaces a merged one. */
  #complete(item: Dict, parent: Dict, base: Dict | null): Dict {
    const record = base === null ? item : merged(copyDict(base), item)
    for (const { from, to } of this.#fields)
      place(record, to, copyValue(lookUp(parent, from) ?? null))
    if (this.#embeds) set(record, 'original_record', copyDict(parent))
    return record
  }
}

interface CopiedField {
  readonly from: readonly Value[]
  readonly to: readonly Value[]
}

function copiedFields(definition: PlainDict, builder: Builder): CopiedField[] {
  return list(definition, 'parent_fields')
    .filter(isPlainDict)
    .map((field) => {
      const from = evaluatePath(field, 'parent_path', builder)
      const to = evaluatePath(field, 'record_path', builder)
      if (from.length === 0) throw valueError('parent_path cannot be empty.')
      if (to.length === 0) throw valueError('record_path cannot be empty.')
      requireOneField(from, 'parent_path')
      requireOneField(to, 'record_path')
      return { from, to }
    })
}

function place(record: Dict, path: readonly Value[], value: Value): void {
  try {
    create(record, path, value)
  } catch (cause) {
    const isExpected =
      cause instanceof DpathError || (cause instanceof PythonError && cause.kind === 'TypeError')
    if (!isExpected) throw cause
    throw new SourceError(
      `Cannot write parent field to record_path ${JSON.stringify(path)}: the expanded item already holds a non-object value on that path.`,
      { failureType: 'config_error', internalMessage: cause.message, cause },
    )
  }
}

/**
 * The parent without its lists at the path. Objects that change on the way to the lists are copied, the rest
 * is shared.
 */
function withoutLists(parent: Dict, path: Glob): Dict {
  const lists = new Set(findAll(parent, path).filter(Array.isArray))
  const strip = (value: Value): Value => {
    if (Array.isArray(value)) return value.filter((item) => !isOneOf(lists, item)).map(strip)
    return isDict(value) ? stripDict(value) : value
  }
  const stripDict = (dict: Dict): Dict => {
    const stripped = copy(dict)
    for (const [key, value] of entries(dict)) {
      if (isOneOf(lists, value)) remove(stripped, key)
      else if (typeof value === 'object' && value !== null && get(dict, key) !== undefined)
        set(stripped, key, strip(value))
    }
    return stripped
  }
  return stripDict(parent)
}

function isOneOf(lists: ReadonlySet<Value>, value: Value): boolean {
  return Array.isArray(value) && lists.has(value)
}

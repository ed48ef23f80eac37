import { optionalComponent, optionalText } from '../../definition.ts'
import { isDict } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { evaluatePath, requireOneField } from './expander-path.ts'
import { compileGlob, findAll, type Glob } from '../transformations/dpath.ts'
import { ParentFields } from './parent-fields.ts'
import { TruncatedList } from './truncated-list.ts'
import type { Builder } from '../../component.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** RecordExpander: each item of a nested list of a record is a record, with what it needs of its parent. */
export class RecordExpander {
  readonly #path: Glob
  readonly #emitsParent: boolean
  readonly #parentFields: ParentFields
  readonly #truncated: TruncatedList | null

  constructor(definition: PlainDict, builder: Builder) {
    const path = evaluatePath(definition, 'expand_records_from_field', builder)
    this.#path = compileGlob(path)
    this.#emitsParent = optionalText(definition, 'on_no_records') === 'emit_parent'
    this.#parentFields = new ParentFields(definition, this.#path, builder)
    this.#truncated = truncatedList(definition, { path, builder })
  }

  /** In the order of the parents. */
  async *expand(batches: AsyncIterable<readonly Value[]>): AsyncIterable<readonly Value[]> {
    if (this.#path.segments.length === 0) {
      yield* batches
      return
    }
    for await (const parents of batches) {
      let items: Value[] = []
      for (const parent of parents) {
        if (!isDict(parent)) items.push(parent)
        else if (this.#truncated?.isCut(parent) === true) {
          if (items.length > 0) yield items
          items = []
          yield* this.#completeItems(parent, this.#truncated)
        } else this.#addItems(parent, items)
      }
      if (items.length > 0) yield items
    }
  }

  /** The items of a list that the API cut off: requested again, or those that are there. */
  async *#completeItems(parent: Dict, truncated: TruncatedList): AsyncIterable<readonly Value[]> {
    const children = this.#parentFields.fieldsOf(parent)
    let count = 0
    for await (const items of truncated.fetch(parent)) {
      count += items.length
      yield items.map((item) => children.complete(item))
    }
    truncated.warnOfMissing(parent, count)
    if (count > 0) return
    const items: Value[] = []
    this.#addItems(parent, items)
    if (items.length > 0) yield items
  }

  #addItems(parent: Dict, target: Value[]): void {
    const before = target.length
    const children = this.#parentFields.fieldsOf(parent)
    for (const list of findAll(parent, this.#path)) {
      if (!Array.isArray(list)) continue
      for (const item of list) target.push(children.complete(item))
    }
    if (target.length === before && this.#emitsParent) target.push(parent)
  }
}

function truncatedList(
  definition: PlainDict,
  { path, builder }: { readonly path: readonly Value[]; readonly builder: Builder },
): TruncatedList | null {
  const indicator = evaluatePath(definition, 'truncation_indicator_path', builder)
  const retriever = optionalComponent(definition, 'truncated_list_retriever')
  if (retriever !== undefined && indicator.length === 0)
    throw valueError(
      'truncation_indicator_path is required when truncated_list_retriever is configured.',
    )
  requireOneField(indicator, 'truncation_indicator_path')
  if (retriever !== undefined) requireOneField(path, 'expand_records_from_field')
  return indicator.length === 0 ? null : new TruncatedList(indicator, retriever, builder)
}

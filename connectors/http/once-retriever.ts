import type { Component, StreamContext } from '../../manifest-interpreter/component.ts'
import { flag } from '../../manifest-interpreter/definition.ts'
import { get } from '../../manifest-interpreter/value/dict.ts'
import { StreamSlice } from '../../manifest-interpreter/value/stream-slice.ts'
import { repr, str } from '../../manifest-interpreter/value/text.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'

/**
 * A SimpleRetriever whose pages may overlap: each record of a slice is given once, by the key of its stream.
 *
 * `reads_front_again`: for a list that begins with what changed last. A record that changes during the read
 * moves to pages that were read before, so the list is read from its beginning again, to a page that ends
 * with a record that has not changed.
 */
export const onceRetriever: Component<'retriever'> = (definition, builder, context) => {
  const { stream } = context
  if (stream === undefined) throw new TypeError('a retriever needs its stream')
  const own = Object.fromEntries(
    Object.entries(definition).filter(([name]) => name !== 'class_name'),
  )
  const pages = builder.build('retriever', { ...own, type: 'SimpleRetriever' }, context)
  const readsFrontAgain = flag(definition, 'reads_front_again', false)
  return {
    async *read(slice) {
      const given = new GivenRecords(stream)
      let count = 0
      for await (const records of pages.read(slice)) {
        count += 1
        const news = given.add(records)
        if (news.length > 0) yield news
      }
      // A list of one page was seen at one moment.
      if (!readsFrontAgain || count < 2) return
      for await (const records of pages.read(copyOf(slice))) {
        const isLast = given.isUnchanged(records.at(-1))
        const news = given.add(records)
        if (news.length > 0) yield news
        if (isLast) return
      }
    },
  }
}

class GivenRecords {
  /** The last value of the cursor field, by the stream's key. */
  readonly #versions = new Map<string, string>()
  readonly #names: readonly string[]
  readonly #cursorField: string | undefined

  constructor({ primaryKey, cursor }: Pick<StreamContext, 'primaryKey' | 'cursor'>) {
    this.#names = keyNames(primaryKey)
    this.#cursorField = cursor.field
  }

  /** Returns those that were not given before. */
  add(records: readonly Dict[]): readonly Dict[] {
    return records.filter((record) => {
      const key = this.#keyOf(record)
      if (this.#versions.has(key)) return false
      this.#versions.set(key, this.#versionOf(record))
      return true
    })
  }

  isUnchanged(record: Dict | undefined): boolean {
    if (record === undefined) return false
    return this.#versions.get(this.#keyOf(record)) === this.#versionOf(record)
  }

  #keyOf(record: Dict): string {
    return this.#names.map((name) => repr(get(record, name) ?? null)).join(' ')
  }

  #versionOf(record: Dict): string {
    return this.#cursorField === undefined ? '' : repr(get(record, this.#cursorField) ?? null)
  }
}

/** A separate slice: facts about the pages of the first slice do not apply to it. */
function copyOf({ partition, cursorSlice, extraFields }: StreamSlice): StreamSlice {
  return new StreamSlice({ partition, cursorSlice, extraFields })
}

/** One name, or a list of names. */
function keyNames(primaryKey: Value): readonly string[] {
  return (Array.isArray(primaryKey) ? primaryKey : [primaryKey]).map((name) =>
    str(Array.isArray(name) ? (name[0] ?? '') : name),
  )
}

import type { Component } from '../../manifest-interpreter/component.ts'
import { flag } from '../../manifest-interpreter/definition.ts'
import { get } from '../../manifest-interpreter/value/dict.ts'
import { StreamSlice } from '../../manifest-interpreter/value/stream-slice.ts'
import { repr, str } from '../../manifest-interpreter/value/text.ts'
import type { Dict, Value } from '../../manifest-interpreter/value/value.ts'

/**
 * A SimpleRetriever whose pages may overlap: each record of a slice is given once, by the key of its stream.
 *
 * `reads_front_again`: for a list that begins with what changed last. A record that changes during the read moves to pages that were read
 * before, so the list is read from its beginning again until a page has nothing new.
 */
export const onceRetriever: Component<'retriever'> = (definition, builder, context) => {
  const { stream } = context
  if (stream === undefined) throw new TypeError('a retriever needs its stream')
  const own = Object.fromEntries(
    Object.entries(definition).filter(([name]) => name !== 'class_name'),
  )
  const pages = builder.build('retriever', { ...own, type: 'SimpleRetriever' }, context)
  const readsFrontAgain = flag(definition, 'reads_front_again', false)
  const keyOf = keyReader(stream.primaryKey)
  return {
    async *read(slice) {
      const given = new Set<string>()
      const unknown = (records: readonly Dict[]): readonly Dict[] =>
        records.filter((record) => isNew(given, keyOf(record)))
      let count = 0
      for await (const records of pages.read(slice)) {
        count += 1
        const news = unknown(records)
        if (news.length > 0) yield news
      }
      // A list of one page was seen at one moment.
      let mayHaveMoved = readsFrontAgain && count > 1
      while (mayHaveMoved) {
        mayHaveMoved = false
        for await (const records of pages.read(copyOf(slice))) {
          const news = unknown(records)
          if (news.length === 0) break
          mayHaveMoved = true
          yield news
        }
      }
    },
  }
}

function isNew(given: Set<string>, key: string): boolean {
  if (given.has(key)) return false
  given.add(key)
  return true
}

/** A slice of its own: what is known of the pages of the first one does not count. */
function copyOf({ partition, cursorSlice, extraFields }: StreamSlice): StreamSlice {
  return new StreamSlice({ partition, cursorSlice, extraFields })
}

/** One name, or a list of names. */
function keyReader(primaryKey: Value): (record: Dict) => string {
  const names = (Array.isArray(primaryKey) ? primaryKey : [primaryKey]).map((name) =>
    str(Array.isArray(name) ? (name[0] ?? '') : name),
  )
  return (record) => names.map((name) => repr(get(record, name) ?? null)).join(' ')
}

import { quoted } from '../streams/object-query.ts'

/** A statement in an address, with its quotes and commas encoded. */
const longestList = 6_000

/** Lists of quoted values that fit into the address of a request. */
export function quotedLists(values: readonly string[]): readonly string[] {
  const lists: string[] = []
  let list = ''
  for (const value of values) {
    const text = quoted(value)
    if (list !== '' && list.length + text.length > longestList) {
      lists.push(list)
      list = ''
    }
    list += list === '' ? text : `,${text}`
  }
  return list === '' ? lists : [...lists, list]
}

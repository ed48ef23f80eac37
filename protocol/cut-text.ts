import { isJsonList, type JsonObject, type JsonValue } from './json.ts'

/** How many characters are shown of a text that others wrote: an error of a vendor, a field of a log. */
export const shownCharacters = 2_000

/** How many more characters are searched for secrets: longer than a piece of a secret, in any encoding. */
export const searchedBehind = 6_000

/**
 * How many characters are passed on of a text in which secrets are still to be masked: no secret that begins
 * in the shown part is cut within it.
 */
export const passedCharacters = shownCharacters + searchedBehind

/** The texts of one document together, in multiples of what is left of each. */
const mostTexts = 32

const mark = /… \(cut: ([\d,]+) characters\)$/

/** The beginning of a longer text, and its original length, even if it was cut before. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text
  // Written again, so that the memory of the whole text can be freed.
  return Buffer.from(beginningOf(text, most)).toString() + cutMark(text)
}

/** The first `most` characters of a text, or one less: a surrogate pair is not cut in two. */
export function beginningOf(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, '')
}

/** The mark after the beginning of such a text. */
export function cutMark(text: string): string {
  const before = mark.exec(text.slice(-100))
  return before?.[0] ?? `… (cut: ${text.length.toLocaleString('en-US')} characters)`
}

/**
 * A document with each of its texts cut, and nothing of what follows when there are very many. The same one
 * if it is short.
 */
export function cutTexts(document: JsonObject, most: number): JsonObject {
  let left = mostTexts * most
  const cut = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') {
      const text = cutText(value, Math.max(0, Math.min(most, left)))
      left -= text.length
      return text
    }
    if (typeof value !== 'object' || value === null) return value
    if (isJsonList(value)) return sameOr(value, cutItems(value))
    return cutObject(value)
  }
  const cutItems = (items: readonly JsonValue[]): readonly JsonValue[] => {
    const result: JsonValue[] = []
    for (const item of items) {
      if (left <= 0) break
      left -= 1
      result.push(cut(item))
    }
    return result
  }
  const cutObject = (object: JsonObject): JsonObject => {
    const result: [string, JsonValue][] = []
    const entries = Object.entries(object)
    for (const [name, item] of entries) {
      if (left <= 0) break
      left -= name.length + 1
      result.push([name, cut(item)])
    }
    const isSame =
      result.length === entries.length &&
      result.every(([, item], index) => item === entries[index]?.[1])
    return isSame ? object : Object.fromEntries(result)
  }
  return cutObject(document)
}

function sameOr(items: readonly JsonValue[], cut: readonly JsonValue[]): readonly JsonValue[] {
  return cut.length === items.length && cut.every((item, index) => item === items[index])
    ? items
    : cut
}

import { codePoints } from '../iterate.ts'
import { whitespaceChars } from './string-classes.ts'

/** Splitting and stripping as str does it. */

const leftSpace = new RegExp(`^[${whitespaceChars}]+`)
const rightSpace = new RegExp(`[${whitespaceChars}]+$`)
const space = new RegExp(`[${whitespaceChars}]+`)
const spaces = new RegExp(space, 'g')
const isSpace = new RegExp(`^[${whitespaceChars}]$`)

/** Without `chars`, whitespace goes. */
export function strip(
  text: string,
  chars: string | undefined,
  sides: 'both' | 'left' | 'right',
): string {
  const list = codePoints(text)
  const set = chars === undefined ? undefined : new Set(chars)
  const goes = (char: string | undefined): boolean =>
    char !== undefined && (set === undefined ? isSpace.test(char) : set.has(char))
  let start = 0
  let end = list.length
  while (sides !== 'right' && start < end && goes(list[start])) start++
  while (sides !== 'left' && start < end && goes(list[end - 1])) end--
  return start === 0 && end === list.length ? text : list.slice(start, end).join('')
}

/** Without a separator, at runs of whitespace, and none at the ends. A negative `most` is no limit. */
export function splitLeft(text: string, separator: string | undefined, most: number): string[] {
  if (separator === undefined) return splitAtSpace(text, most)
  const parts = text.split(separator)
  if (most < 0 || parts.length <= most + 1) return parts
  return [...parts.slice(0, most), parts.slice(most).join(separator)]
}

function splitAtSpace(text: string, most: number): string[] {
  let rest = text.replace(leftSpace, '')
  if (most < 0) return rest === '' ? [] : rest.replace(rightSpace, '').split(space)
  const parts: string[] = []
  while (rest !== '' && parts.length < most) {
    const gap = space.exec(rest)
    parts.push(gap === null ? rest : rest.slice(0, gap.index))
    rest = gap === null ? '' : rest.slice(gap.index + gap[0].length)
  }
  return rest === '' ? parts : [...parts, rest]
}

export function splitRight(text: string, separator: string | undefined, most: number): string[] {
  if (most < 0) return splitLeft(text, separator, most)
  if (separator === undefined) return splitRightAtSpace(text, most)
  const parts = text.split(separator)
  if (parts.length <= most + 1) return parts
  const first = parts.slice(0, parts.length - most)
  return [first.join(separator), ...parts.slice(parts.length - most)]
}

function splitRightAtSpace(text: string, most: number): string[] {
  const parts: string[] = []
  let rest = text.replace(rightSpace, '')
  while (rest.replace(leftSpace, '') !== '' && parts.length < most) {
    const gaps = [...rest.matchAll(spaces)]
    const last = gaps.at(-1)
    const position = last === undefined ? 0 : last.index + last[0].length
    parts.unshift(rest.slice(position))
    rest = last === undefined ? '' : rest.slice(0, last.index)
  }
  const first = rest
  return first.replace(leftSpace, '') === '' ? parts : [first, ...parts]
}

const lineEnd = /\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]/g

export function lines(text: string, keepEnds: boolean): string[] {
  const found: string[] = []
  let position = 0
  for (const match of text.matchAll(lineEnd)) {
    const end = match.index + match[0].length
    found.push(text.slice(position, keepEnds ? end : match.index))
    position = end
  }
  if (position < text.length) found.push(text.slice(position))
  return found
}

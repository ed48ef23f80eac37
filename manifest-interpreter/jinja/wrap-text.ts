import { valueError } from '../value/python-error.ts'
import { codePointLength, codePoints } from './iterate.ts'
import { lines } from './methods/string-splitting.ts'

export interface WrapOptions {
  readonly width: number
  readonly breakLongWords: boolean
  readonly breakOnHyphens: boolean
  readonly separator: string
}

/** Each line of a text, broken at spaces into lines of at most `width` characters, as textwrap does. */
export function wrapText(text: string, options: WrapOptions): string {
  if (options.width <= 0) throw valueError('invalid width (must be > 0)')
  return lines(text, false)
    .map((line) => wrapLine(line, options).join(options.separator))
    .join(options.separator)
}

function wrapLine(line: string, options: WrapOptions): string[] {
  const wrapped: string[] = []
  let current = ''
  let length = 0
  for (const chunk of chunksOf(line, options)) {
    const isSpace = chunk.trim() === ''
    const chunkLength = codePointLength(chunk)
    if (current === '' && isSpace && wrapped.length > 0) continue
    if (length + chunkLength <= options.width) {
      current += chunk
      length += chunkLength
      continue
    }
    if (isSpace) {
      wrapped.push(current.trimEnd())
      current = ''
    } else current = placed(chunk, current, { wrapped, options })
    length = codePointLength(current)
  }
  if (current.trimEnd() !== '') wrapped.push(current.trimEnd())
  return wrapped
}

/** Puts a word that does not fit behind `current`; returns the line that is open then. */
function placed(
  word: string,
  current: string,
  { wrapped, options }: { readonly wrapped: string[]; readonly options: WrapOptions },
): string {
  const chars = codePoints(word)
  if (chars.length <= options.width || !options.breakLongWords) {
    if (current.trimEnd() !== '') wrapped.push(current.trimEnd())
    return word
  }
  let line = current
  let position = 0
  let room = options.width - codePointLength(current)
  while (chars.length - position > room) {
    wrapped.push((line + chars.slice(position, position + room).join('')).trimEnd())
    position += room
    line = ''
    room = options.width
  }
  return line + chars.slice(position).join('')
}

function chunksOf(line: string, options: WrapOptions): string[] {
  const chunks = line.split(/(\s+)/).filter((chunk) => chunk !== '')
  if (!options.breakOnHyphens) return chunks
  // Behind a hyphen between letters, a word may end.
  return chunks.flatMap((chunk) => chunk.split(/(?<=[\p{L}\d_]-)(?=[\p{L}_])/u))
}

/** The width that generated lines have if possible. */
const columns = 100

/** Characters that show text in another order, end a line only for some tools, or are invisible. */
const treacherous = /[\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g

/** A string literal that has the same value wherever it stands; nothing in it can end it or hide in it. */
export function stringLiteral(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll(/\p{Cc}/gu, unicodeEscape)
    .replaceAll(treacherous, unicodeEscape)
    // Half of a surrogate pair: UTF-8 cannot hold it.
    .replaceAll(/\p{Surrogate}/gu, unicodeEscape)
  return `'${escaped}'`
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A property's name in a type: as it is if it is an identifier, else quoted. */
export function propertyKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : stringLiteral(name)
}

/**
 * Lines of a comment before a declaration, each with `indent`; none if there is nothing to say. The text is
 * the source's: it can neither end the comment nor speak to the compiler (`@ts-ignore`).
 */
export function docComment(text: string, indent = ''): string {
  const lines = text
    .replaceAll(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
    .split('\n')
    .flatMap((line) => wrapLine(harmless(line), columns - indent.length - 3))
  while (lines.at(-1) === '') lines.pop()
  while (lines[0] === '') lines.shift()
  const [only, ...others] = lines
  if (only === undefined) return ''
  if (others.length === 0) return `${indent}/** ${only} */\n`
  const inner = lines.map((line) => `${indent} * ${line}`.trimEnd())
  return `${indent}/**\n${inner.join('\n')}\n${indent} */\n`
}

function harmless(line: string): string {
  return line
    .replaceAll(/\p{Cc}|\p{Surrogate}/gu, ' ')
    .replaceAll(treacherous, '')
    .replaceAll('*/', '*\\/')
    .replaceAll('@', '\\@')
    .trimEnd()
}

/** Wraps at spaces; a word that is longer than the width stays whole. */
function wrapLine(line: string, width: number): string[] {
  const lines: string[] = []
  let current = ''
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current)
      current = word
    } else {
      current = current === '' ? word : `${current} ${word}`
    }
  }
  return [...lines, current]
}

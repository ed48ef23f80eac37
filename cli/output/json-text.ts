import { unseen } from './plain-text.ts'

/**
 * JSON for a terminal and for programs: control characters and changes of direction that a vendor wrote stand
 * as escapes of JSON.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  // Line breaks are those of the layout: JSON has escapes for all others.
  const shown = text.replaceAll(unseen, (character) =>
    character === '\n' ? character : escaped(character),
  )
  return `${shown}\n`
}

/** JSON on one line, with the same escapes. */
export function jsonLine(json: string): string {
  return `${json.replaceAll(unseen, escaped)}\n`
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}

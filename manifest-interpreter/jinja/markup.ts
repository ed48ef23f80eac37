import { textOf } from '../value/hashable.ts'
import { reprText } from '../value/text.ts'
import { PyObject } from '../value/value.ts'
import { codePointLength, codePoints } from './iterate.ts'
import { textOfOperand, type Operand } from './operand.ts'

/** MarkupSafe's text that is HTML already: escaping leaves it alone, text that is added to it is escaped. */
export function markup(text: string): PyObject {
  return new PyObject({
    type: 'Markup',
    text,
    repr: () => `Markup(${reprText(text)})`,
    size: () => codePointLength(text),
    iterate: () => codePoints(text).map(markup).values(),
  })
}

export function isMarkup(value: Operand): boolean {
  return value instanceof PyObject && value.traits.type === 'Markup'
}

/** escape(value), as a text. */
export function escapedText(value: Operand): string {
  if (isMarkup(value)) return textOf(value) ?? ''
  return escapeHtml(textOfOperand(value))
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>'"]/g, (char) => entities[char] ?? char)
}

import { PythonError } from '../value/python-error.ts'

/**
 * No request can have such a header, so nothing was sent: a token was pasted with a line break, say. The
 * message does not repeat it.
 */
export class UnsendableHeader extends PythonError {}

/** Throws an `UnsendableHeader` for a header that undici refuses without a reason. */
export function requireSendable(name: string, value: string): void {
  const codes = Array.from(value, (character) => character.codePointAt(0) ?? 0)
  if (codes.some((code) => code > 0xff))
    throw new UnsendableHeader(
      'UnicodeError',
      `The header ${name} holds characters beyond Latin-1.`,
    )
  if (codes.some((code) => (code < 0x20 && code !== 0x09) || code === 0x7f))
    throw new UnsendableHeader(
      'ValueError',
      `The header ${name} holds a line break or another control character.`,
    )
}

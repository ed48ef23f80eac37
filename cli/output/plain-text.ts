/** Characters that break a line. */
const lineBreaks = /[\t\r\n\u2028\u2029]+/g
/** Characters that change the direction of a text or take no space: a name may look like another one. */
export const unseen = /\p{Cc}|[\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu

/**
 * A text of others (a vendor's message, a log line) that may be written to a terminal: without escape
 * sequences and other control characters, on one line.
 */
export function plainText(text: string): string {
  return text.replaceAll(lineBreaks, ' ').replaceAll(unseen, '�')
}

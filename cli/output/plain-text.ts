/**
 * A text of others (a vendor's message, a log line) that may be written to a terminal: without escape sequences and other
 * control characters, on one line.
 */
export function plainText(text: string): string {
  return text.replaceAll(/[\t\r\n]+/g, ' ').replaceAll(/\p{Cc}|[\u202A-\u202E\u2066-\u2069]/gu, '�')
}

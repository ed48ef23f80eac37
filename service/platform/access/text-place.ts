/** Line and column (UTF-16 code units, as editors count), from 1, of a place in a text that is given in bytes of UTF-8. */
export function placeInText(
  text: string,
  byte: number,
): { readonly line: number; readonly column: number } {
  const before = Buffer.from(text).subarray(0, byte).toString('utf8').split('\n')
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 }
}

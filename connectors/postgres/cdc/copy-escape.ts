/** The letter that stands for a byte behind a backslash in COPY text; 0: the byte stands for itself. */
const letters = new Uint8Array(256)
for (const [byte, letter] of [
  [0x08, 0x62],
  [0x09, 0x74],
  [0x0a, 0x6e],
  [0x0b, 0x76],
  [0x0c, 0x66],
  [0x0d, 0x72],
  [0x5c, 0x5c],
] as const)
  letters[byte] = letter

/**
 * Writes a value as a field of COPY text, as COPY TO does. `target` has room for twice its length. Returns
 * where it ends.
 */
export function writeEscaped(
  target: Buffer,
  position: number,
  source: { readonly bytes: Buffer; readonly start: number; readonly end: number },
): number {
  const { bytes, start, end } = source
  let offset = position
  for (let index = start; index < end; index++) {
    const byte = bytes[index] ?? 0
    const letter = letters[byte] ?? 0
    if (letter !== 0) {
      target[offset++] = 0x5c
      target[offset++] = letter
    } else target[offset++] = byte
  }
  return offset
}

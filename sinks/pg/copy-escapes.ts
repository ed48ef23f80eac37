export const BACKSLASH = 0x5c
export const TAB = 0x09
export const NEWLINE = 0x0a

/** The letter that stands after the backslash for a byte that COPY TEXT escapes; 0 for U+0000, which it cannot hold; undefined for any other. */
export function needsEscape(byte: number): number | undefined {
  switch (byte) {
    case 0x00:
      return 0
    case 0x08:
      return 0x62
    case 0x09:
      return 0x74
    case 0x0a:
      return 0x6e
    case 0x0b:
      return 0x76
    case 0x0c:
      return 0x66
    case 0x0d:
      return 0x72
    case BACKSLASH:
      return BACKSLASH
    default:
      return undefined
  }
}

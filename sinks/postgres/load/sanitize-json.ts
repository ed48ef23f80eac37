/** Any escape of JSON; a pair of surrogates counts as one. */
const escapes =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^])/g

/**
 * JSON text that jsonb takes: without U+0000, which Postgres cannot hold, and with U+FFFD for half a
 * surrogate pair, which is no character. Everything else stays byte for byte.
 */
export function sanitizeJson(text: string): string {
  return text.replaceAll('\0', '').replace(escapes, (escape) => {
    // Six characters: a single \uXXXX; a pair has twelve, the others two.
    if (escape.length !== 6) return escape
    const code = parseInt(escape.slice(2), 16)
    if (code === 0) return ''
    return code >= 0xd800 && code <= 0xdfff ? '\\ufffd' : escape
  })
}

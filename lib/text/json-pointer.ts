/** JSON pointers (RFC 6901): `/credentials/client_secret`; the empty text names the whole document. */
export function formatPointer(path: readonly PropertyKey[]): string {
  return path.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/**
 * The names and indexes of a pointer, from the outermost one. Text before the first slash is no part of them.
 */
export function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * The pointer of a `$ref` to the same document: `#/definitions/a~1b%20c` -> `definitions`, `a/b c`. Undefined
 * for any other reference, and for one that is no valid URL encoding: it names nothing here.
 */
export function parseLocalReference(reference: string): readonly string[] | undefined {
  if (!/^#(?:\/|$)/.test(reference)) return undefined
  try {
    return parsePointer(decodeURIComponent(reference))
  } catch {
    return undefined
  }
}

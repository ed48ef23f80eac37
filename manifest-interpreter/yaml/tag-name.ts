/** The tags of YAML's own types begin with it. */
export const coreTag = 'tag:yaml.org,2002:'

/**
 * The complete tag of one as it is written; undefined for the one that means "as if it had none". `handles`:
 * those of `%TAG` lines.
 */
export function tagName(written: string, handles: ReadonlyMap<string, string>): string | undefined {
  if (written === '!') return undefined
  if (written.startsWith('!<')) return written.slice(2, -1)
  const handle = /^!(?:[\w-]*!)?/.exec(written)?.[0] ?? '!'
  const prefix = handles.get(handle) ?? (handle === '!!' ? coreTag : handle)
  return prefix + decodePercents(written.slice(handle.length))
}

function decodePercents(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not UTF-8: no tag that is known has such a name, and the name as written is what the error shows.
    return text
  }
}

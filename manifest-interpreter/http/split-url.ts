/** A URL in its parts as Python's `urlsplit` finds them: nothing is decoded, an absent part is ''. */
export interface SplitUrl {
  readonly scheme: string
  readonly authority: string
  readonly path: string
  readonly query: string
  readonly fragment: string
}

export function splitUrl(url: string, defaultScheme = ''): SplitUrl {
  let rest = stripControls(url)
  let scheme = defaultScheme
  const named = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(rest)
  if (named?.[1] !== undefined) {
    scheme = named[1].toLowerCase()
    rest = rest.slice(named[0].length)
  }
  let authority = ''
  if (rest.startsWith('//')) {
    const end = rest.slice(2).search(/[/?#]/)
    authority = end < 0 ? rest.slice(2) : rest.slice(2, end + 2)
    rest = end < 0 ? '' : rest.slice(end + 2)
  }
  const [beforeFragment, fragment] = cut(rest, '#')
  const [path, query] = cut(beforeFragment, '?')
  return { scheme, authority, path, query, fragment }
}

export function unsplitUrl(parts: SplitUrl): string {
  const { scheme, authority, query, fragment } = parts
  let url = parts.path
  if (authority !== '' || (hasAuthority(scheme) && !url.startsWith('//'))) {
    if (url !== '' && !url.startsWith('/')) url = `/${url}`
    url = `//${authority}${url}`
  }
  if (scheme !== '') url = `${scheme}:${url}`
  if (query !== '') url += `?${query}`
  if (fragment !== '') url += `#${fragment}`
  return url
}

/** The URL without its query and fragment, and without credentials before the host: fit for messages. */
export function publicUrl(url: string): string {
  const { scheme, authority, path } = splitUrl(url)
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  return unsplitUrl({ scheme, authority: host, path, query: '', fragment: '' })
}

/** The query of a URL, and the part before it. */
export function splitQuery(url: string): { readonly address: string; readonly query: string } {
  const [address, query] = cut(cut(url, '#')[0], '?')
  return { address, query }
}

const WITH_AUTHORITY = new Set(
  'ftp http gopher nntp telnet imap wais file mms https shttp snews prospero rtsp rtsps rtspu rsync svn svn+ssh sftp nfs git git+ssh ws wss'.split(
    ' ',
  ),
)
const RELATIVE = new Set(
  'ftp http gopher nntp imap wais file https shttp mms prospero rtsp rtsps rtspu sftp svn svn+ssh ws wss'.split(
    ' ',
  ),
)

function hasAuthority(scheme: string): boolean {
  return WITH_AUTHORITY.has(scheme)
}

/** Python's `urljoin`. */
export function joinUrl(base: string, url: string): string {
  if (base === '') return url
  if (url === '') return base
  const from = splitUrl(base)
  const to = splitUrl(url, from.scheme)
  if (to.scheme !== from.scheme || !(to.scheme === '' || RELATIVE.has(to.scheme))) return url
  if (to.scheme === '' || hasAuthority(to.scheme)) {
    if (to.authority !== '') return unsplitUrl(to)
  }
  const { authority } = from
  if (to.path === '') {
    const query = to.query === '' ? from.query : to.query
    return unsplitUrl({ ...to, authority, path: from.path, query })
  }
  return unsplitUrl({ ...to, authority, path: joinPaths(from.path, to.path) })
}

function joinPaths(base: string, relative: string): string {
  const segments = relative.split('/')
  if (!relative.startsWith('/')) {
    const folders = base.split('/')
    if (folders.at(-1) !== '') folders.pop()
    segments.unshift(...folders)
    const last = segments.pop() ?? ''
    const [first = '', ...inner] = segments
    const remaining =
      segments.length === 0 ? [] : [first, ...inner.filter((segment) => segment !== '')]
    segments.splice(0, segments.length, ...remaining, last)
  }
  const resolved: string[] = []
  for (const segment of segments) {
    if (segment === '..') resolved.pop()
    else if (segment !== '.') resolved.push(segment)
  }
  const last = segments.at(-1)
  if (last === '.' || last === '..') resolved.push('')
  const path = resolved.join('/')
  return path === '' ? '/' : path
}

function cut(text: string, separator: string): [before: string, after: string] {
  const position = text.indexOf(separator)
  return position < 0 ? [text, ''] : [text.slice(0, position), text.slice(position + 1)]
}

/** As browsers do: control characters and blanks before a URL, line breaks and tabs anywhere are dropped. */
function stripControls(url: string): string {
  let start = 0
  while (start < url.length && url.charCodeAt(start) <= 0x20) start += 1
  return url.slice(start).replaceAll(/[\t\r\n]/g, '')
}

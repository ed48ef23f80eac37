const mask = '***'
export const maskedProblem = '*** stands for a value that is not shown; give the whole address'

/**
 * Between the address that is shown and the key of the whole one in the vault. Users cannot write it: a
 * target has no `#`.
 */
const mark = '#vault-'

/** The query of a `url:` target may be a secret: readers see the names in it, and no values. */
export function maskedTarget(target: string): string {
  const { shown, key } = splitKey(target)
  if (key !== undefined) return shown
  const [address, query] = splitQuery(target)
  if (query === undefined) return target
  const masked = query.split('&').map((part) => {
    const end = part.indexOf('=')
    if (part === '' || end === part.length - 1) return part
    return `${part.slice(0, end + 1)}${mask}`
  })
  return `${address}?${masked.join('&')}`
}

/** For logs and errors. */
export function targetWithoutQuery(target: string): string {
  return splitQuery(target)[0]
}

/** Whether it was copied from where it is shown: its values are not known then. */
export function isMasked(target: string): boolean {
  const [, query = ''] = splitQuery(target)
  return query.split('&').some((part) => part.slice(part.indexOf('=') + 1) === mask)
}

/** Whether it has a query in plain text, which belongs into the vault. */
export function isPlain(target: string): boolean {
  return splitQuery(target)[1] !== undefined && splitKey(target).key === undefined
}

/** As it is stored: the vault has the whole address under the key. */
export function hiddenTarget(target: string, key: string): string {
  return `${maskedTarget(target)}${mark}${key}`
}

/**
 * A target as it is stored: what is shown of it, and the key of its whole address in the vault, if that is
 * there.
 */
export function splitKey(target: string): { readonly shown: string; readonly key?: string } {
  const place = target.startsWith('url:') ? target.lastIndexOf(mark) : -1
  if (place === -1) return { shown: target }
  return { shown: target.slice(0, place), key: target.slice(place + mark.length) }
}

function splitQuery(target: string): readonly [address: string, query?: string] {
  const start = target.startsWith('url:') ? target.indexOf('?') : -1
  return start === -1 ? [target] : [target.slice(0, start), target.slice(start + 1)]
}

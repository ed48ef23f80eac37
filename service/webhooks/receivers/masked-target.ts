const mask = '***'
export const maskedProblem = '*** stands for a value that is not shown; give the whole address'

/** The query of a `url:` target may be a secret: readers see the names in it, and no values. */
export function maskedTarget(target: string): string {
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

function splitQuery(target: string): readonly [address: string, query?: string] {
  const start = target.startsWith('url:') ? target.indexOf('?') : -1
  return start === -1 ? [target] : [target.slice(0, start), target.slice(start + 1)]
}

const prefix = 'function:'
const namePattern = /^[A-Za-z0-9_-]{1,63}$/

export function isFunctionName(text: string): boolean {
  return namePattern.test(text)
}

/** The name in `function:NAME`; undefined if the text is no such address. */
export function functionNameOf(text: string): string | undefined {
  const name = text.slice(prefix.length)
  return text.startsWith(prefix) && isFunctionName(name) ? name : undefined
}

/** Where a function of a Functions service is called. */
export function functionUrl(service: string, name: string): string {
  return `${service.replace(/\/+$/, '')}/v1/functions/${encodeURIComponent(name)}`
}

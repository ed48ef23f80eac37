/** A function of a Functions service, as settings of streams and receivers name it: `function:NAME`. */
export const functionAddress = /^function:([A-Za-z0-9_-]{1,63})$/

/** The name in `function:NAME`; undefined if the text is no such address. */
export function functionNameOf(text: string): string | undefined {
  return functionAddress.exec(text)?.[1]
}

/** Where a function of a Functions service is called. */
export function functionUrl(service: string, name: string): string {
  return `${service.replace(/\/+$/, '')}/v1/functions/${encodeURIComponent(name)}`
}

import { emptyDict } from '../../value/dict.ts'
import type { Authenticator, HttpRequest } from '../../contracts.ts'
import type { Dict } from '../../value/value.ts'

/** What an authenticator adds to a request: the parts that it names, the others are empty. */
export type Authentication = Awaited<ReturnType<Authenticator['options']>>

export function authentication(parts: Partial<Authentication> = {}): Authentication {
  return {
    headers: parts.headers ?? emptyDict(),
    params: parts.params ?? emptyDict(),
    bodyData: parts.bodyData ?? emptyDict(),
    bodyJson: parts.bodyJson ?? emptyDict(),
  }
}

/** A header's name and value; null where there is none to set. */
export type HeaderSource = () => Promise<readonly [name: string, value: string] | null>

/** An authenticator that sets one header, asked for anew each time a request is sent. */
export function headerAuthenticator(header: HeaderSource): Authenticator {
  return {
    options: async () => {
      const found = await header()
      return authentication(found === null ? {} : { headers: headerDict(found) })
    },
    authenticate: async (request) => {
      const found = await header()
      if (found !== null) setHeader(request, found)
    },
  }
}

function headerDict([name, value]: readonly [string, string]): Dict {
  return { [name]: value }
}

/** Puts a header in the place of one of that name, in whatever case. */
export function setHeader(
  { headers }: HttpRequest,
  [name, value]: readonly [name: string, value: string],
): void {
  const wanted = name.toLowerCase()
  for (const known of headers.keys()) if (known.toLowerCase() === wanted) headers.delete(known)
  headers.set(name, value)
}

/** The value of a header, by its name in any case. */
export function headerOf({ headers }: HttpRequest, name: string): string | undefined {
  const wanted = name.toLowerCase()
  for (const [known, value] of headers) if (known.toLowerCase() === wanted) return value
  return undefined
}

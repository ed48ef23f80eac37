import { setHeader } from '../../http/prepare-request.ts'
import { emptyDict } from '../../value/dict.ts'
import type { Authenticator } from '../../contracts.ts'

/** The parts that an authenticator adds to a request. Parts that it does not name are empty. */
export type Authentication = Awaited<ReturnType<Authenticator['options']>>

export function authentication(parts: Partial<Authentication> = {}): Authentication {
  return {
    headers: parts.headers ?? emptyDict(),
    params: parts.params ?? emptyDict(),
    bodyData: parts.bodyData ?? emptyDict(),
    bodyJson: parts.bodyJson ?? emptyDict(),
  }
}

/** A header's name and value; null if there is none to set. */
export type HeaderSource = () => Promise<readonly [name: string, value: string] | null>

/** An authenticator that sets one header, evaluated again each time a request is sent. */
export function headerAuthenticator(header: HeaderSource): Authenticator {
  return {
    options: async () => {
      const found = await header()
      return authentication(found === null ? {} : { headers: { [found[0]]: found[1] } })
    },
    authenticate: async (request) => {
      const found = await header()
      if (found !== null) setHeader(request.headers, ...found)
    },
  }
}

import { entries, isDict } from '../../value/dict.ts'
import type { Authenticator, Environment, HttpRequest } from '../../contracts.ts'
import type { Value } from '../../value/value.ts'

/** Secrets are reported so often that it is enough to remember the last ones. */
const remembered = 100

/**
 * An authenticator that reports what it adds to requests to the environment: tokens that are not in the
 * configuration.
 */
export function reportingSecrets(
  authenticator: Authenticator,
  environment: Environment,
): Authenticator {
  if (environment.secretFound === undefined) return authenticator
  const reported = new Set<string>()
  const report = (text: string): void => {
    if (reported.has(text)) return
    if (reported.size >= remembered) reported.clear()
    reported.add(text)
    environment.secretFound?.(text)
  }
  return {
    options: async () => {
      const added = await authenticator.options()
      for (const part of Object.values(added)) for (const text of textsIn(part)) report(text)
      return added
    },
    authenticate: async (request) => {
      const before = new Set(headerTexts(request))
      await authenticator.authenticate(request)
      for (const text of headerTexts(request)) if (!before.has(text)) report(text)
    },
    ...(authenticator.refresh && { refresh: () => authenticator.refresh?.() ?? Promise.resolve() }),
    ...(authenticator.observe && { observe: authenticator.observe.bind(authenticator) }),
    ...(authenticator.hasAlternative && {
      hasAlternative: authenticator.hasAlternative.bind(authenticator),
    }),
  }
}

function headerTexts({ headers }: HttpRequest): readonly string[] {
  return [...headers.values()].map(credentialOf)
}

/** `Bearer`, `Basic` and the like are no part of the credential. */
export function credentialOf(text: string): string {
  return text.replace(/^[A-Za-z]+ +/, '').trim()
}

function textsIn(value: Value): readonly string[] {
  if (typeof value === 'string') return [credentialOf(value)]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  return isDict(value) ? entries(value).flatMap(([, item]) => textsIn(item)) : []
}

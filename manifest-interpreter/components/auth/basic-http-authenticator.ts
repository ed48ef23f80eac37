import { Buffer } from 'node:buffer'
import { optionalText, parametersOf, text } from '../../definition.ts'
import { str } from '../../value/text.ts'
import { headerAuthenticator } from './authentication.ts'
import type { Builder } from '../../component.ts'
import type { Authenticator } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** BasicHttpAuthenticator: RFC 7617, in UTF-8. */
export function basicHttpAuthenticator(
  definition: PlainDict,
  { config, templates }: Builder,
): Authenticator {
  const parameters = parametersOf(definition)
  const username = templates.string(text(definition, 'username'), { parameters })
  const password = templates.string(optionalText(definition, 'password') ?? '', { parameters })
  return headerAuthenticator(() => {
    const credentials = `${str(username({ config }))}:${str(password({ config }))}`
    return Promise.resolve([
      'Authorization',
      `Basic ${Buffer.from(credentials).toString('base64')}`,
    ])
  })
}

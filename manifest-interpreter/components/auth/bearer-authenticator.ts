import { optionalText, parametersOf } from '../../definition.ts'
import { str } from '../../value/text.ts'
import { headerAuthenticator } from './authentication.ts'
import { tokenFromTemplate, type TokenSource } from './token-source.ts'
import type { Builder } from '../../component.ts'
import type { Authenticator } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** BearerAuthenticator: `Authorization: Bearer <token>`. */
export function bearerAuthenticator(definition: PlainDict, builder: Builder): Authenticator {
  const template = optionalText(definition, 'api_token') ?? ''
  return bearer(tokenFromTemplate(template, builder, parametersOf(definition)))
}

export function bearer(token: TokenSource): Authenticator {
  return headerAuthenticator(async () => ['Authorization', `Bearer ${str(await token())}`])
}

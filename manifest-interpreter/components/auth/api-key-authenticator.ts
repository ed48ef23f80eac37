import { optionalComponent, optionalText, parametersOf } from '../../definition.ts'
import { emptyDict, entries, set } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { compileRequestOption, type RequestOption } from '../requesters/request-option.ts'
import { authentication, headerAuthenticator, type Authentication } from './authentication.ts'
import { tokenFromTemplate, type TokenSource } from './token-source.ts'
import type { Builder } from '../../component.ts'
import type { Authenticator } from '../../contracts.ts'
import type { Dict, PlainDict } from '../../value/value.ts'

/** ApiKeyAuthenticator: a token in a header, a parameter or a field of the body. */
export function apiKeyAuthenticator(definition: PlainDict, builder: Builder): Authenticator {
  const template = optionalText(definition, 'api_token') ?? ''
  const token = tokenFromTemplate(template, builder, parametersOf(definition))
  return injectedToken(optionOf(definition, builder), token)
}

function optionOf(definition: PlainDict, builder: Builder): RequestOption {
  const injectInto = optionalComponent(definition, 'inject_into')
  const header = optionalText(definition, 'header')
  if (injectInto === undefined && header === undefined)
    throw valueError('Expected either inject_into or header to be set for ApiKeyAuthenticator')
  if (injectInto === undefined) return headerOption(header ?? '', builder, parametersOf(definition))
  if (header !== undefined)
    throw valueError(
      'inject_into and header cannot be set both for ApiKeyAuthenticator - remove the deprecated header option',
    )
  return compileRequestOption(injectInto, builder, parametersOf(definition))
}

/** A header as a place of a token. */
export function headerOption(
  name: string,
  { config, templates }: Builder,
  parameters: Dict,
): RequestOption {
  const compiled = templates.string(name, { parameters })
  return {
    injectInto: 'header',
    inject: (target, value) => {
      set(target, str(compiled({ config })), value)
    },
  }
}

/** Puts a token where the option says. */
export function injectedToken(option: RequestOption, token: TokenSource): Authenticator {
  if (option.injectInto === 'header') return tokenInHeader(option, token)
  return {
    options: async () => authentication(placed(option, await inject(option, token))),
    authenticate: () => Promise.resolve(),
  }
}

/**
 * The token is requested three times: twice for the name of the header and once for its value. A login
 * without an expiry happens at each request, and the API sees as many logins as the reference makes.
 */
function tokenInHeader(option: RequestOption, token: TokenSource): Authenticator {
  return headerAuthenticator(async () => {
    const name = entries(await inject(option, token)).map(([key]) => str(key))[0] ?? ''
    if (name === '') return null
    await inject(option, token)
    return [name, str(await token())]
  })
}

async function inject(option: RequestOption, token: TokenSource): Promise<Dict> {
  const target = emptyDict()
  option.inject(target, await token())
  return target
}

function placed(option: RequestOption, injected: Dict): Partial<Authentication> {
  switch (option.injectInto) {
    case 'header':
      return { headers: injected }
    case 'request_parameter':
      return { params: injected }
    case 'body_data':
      return { bodyData: injected }
    case 'body_json':
      return { bodyJson: injected }
  }
}

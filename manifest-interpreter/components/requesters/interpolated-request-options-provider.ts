import type { BuildContext, Builder } from '../../component.ts'
import type { RequestOptions, RequestScope } from '../../contracts.ts'
import { field, optionalComponent, parametersOf } from '../../definition.ts'
import type { Evaluate } from '../../interpolation/template-compiler.ts'
import { dictOf, entries, get, isDict, set } from '../../value/dict.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { templateScope } from './template-scope.ts'

/** The request options of a requester's own definition: parameters, headers, body. */
export function interpolatedRequestOptionsProvider(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): RequestOptions {
  const { config, templates } = builder
  const parameters = parametersOf(definition)
  const { data, json } = bodyOf(definition)
  if (truth(json) && truth(data)) {
    throw valueError(
      `The requester of stream ${context.streamName} has both request_body_data and request_body_json. Leave one of them out.`,
    )
  }
  const input = (value: Value, options: { readonly onlyTexts: boolean }): Evaluate => {
    if (typeof value === 'string') return templates.string(value, { parameters })
    const mapping = templates.mapping(isDict(value) ? value : {}, {
      parameters,
      ...(options.onlyTexts && { validTypes: ['str', 'list'] }),
    })
    return mapping
  }
  const params = input(field(definition, 'request_parameters') ?? {}, { onlyTexts: true })
  const headers = input(field(definition, 'request_headers') ?? {}, { onlyTexts: false })
  const bodyData = input(data, { onlyTexts: true })
  const bodyJson =
    typeof json === 'string'
      ? templates.string(json, { parameters })
      : templates.nested(json, { parameters })
  const { queryPropertiesKey } = context
  return {
    params: (scope) => {
      const evaluated = withoutNulls(params(templateScope(config, scope)))
      // A text is ignored, as the reference does.
      if (!isDict(evaluated)) return {}
      return queryPropertiesKey === undefined
        ? evaluated
        : withQueryProperties(evaluated, queryPropertiesKey, scope)
    },
    headers: (scope) => requireDict(withoutNulls(headers(templateScope(config, scope))), 'headers'),
    bodyData: (scope) => {
      const evaluated = withoutNulls(bodyData(templateScope(config, scope)))
      return isDict(evaluated) || typeof evaluated === 'string' ? evaluated : {}
    },
    bodyJson: (scope) => requireDict(bodyJson(templateScope(config, scope)), 'body json'),
  }
}

/** `request_body` says by its type what it is; the older fields are one or the other. */
function bodyOf(definition: PlainDict): { readonly data: Value; readonly json: Value } {
  const body = optionalComponent(definition, 'request_body')
  const data = field(definition, 'request_body_data') ?? {}
  const json = field(definition, 'request_body_json') ?? {}
  if (body === undefined) return { data, json }
  const value = get(body, 'value') ?? {}
  const type = str(get(body, 'type') ?? null)
  switch (type) {
    case 'RequestBodyUrlEncodedForm':
    case 'RequestBodyPlainText':
      return { data: value, json }
    case 'RequestBodyGraphQL':
      return { data, json: withoutNulls(value) }
    case 'RequestBodyJsonObject':
      return { data, json: value }
    default:
      throw valueError(`Unsupported request body type: ${type}`)
  }
}

function withoutNulls(value: Value): Value {
  if (!isDict(value) || !entries(value).some(([, item]) => item === null)) return value
  return dictOf(entries(value).filter(([, item]) => item !== null))
}

function withQueryProperties(params: Dict, key: string, { slice }: RequestScope): Dict {
  const properties = get(slice.extraFields, 'query_properties')
  if (!Array.isArray(properties))
    throw valueError('The slice of a stream with query properties does not name them.')
  const all = dictOf(entries(params))
  set(all, key, properties.map((property) => str(property)).join(','))
  return all
}

function requireDict(value: Value, part: string): Dict {
  if (isDict(value)) return value
  if (typeof value === 'string' && value !== '')
    throw valueError(`Request ${part} cannot be a string`)
  return {}
}

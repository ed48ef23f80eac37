import type { Builder } from '../../component.ts'
import type { RequestOptions, RequestScope } from '../../contracts.ts'
import { optionalComponent, parametersOf } from '../../definition.ts'
import { get, isEmpty, merged } from '../../value/dict.ts'
import { typeError } from '../../value/python-error.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import type { Dict, PlainDict } from '../../value/value.ts'
import {
  compileRequestOption,
  injectAll,
  type InjectInto,
  type RequestOption,
} from '../requesters/request-option.ts'

/** Puts the bounds of a slice on its requests. */
export function cursorRequestOptions(
  options: readonly { readonly option: RequestOption | undefined; readonly sliceField: string }[],
): RequestOptions {
  function part(name: InjectInto, { slice }: RequestScope): Dict {
    if (isEmpty(slice.merged) && isEmpty(slice.extraFields)) return {}
    return injectAll(
      name,
      options.map(({ option, sliceField }) => [option, get(slice.merged, sliceField) ?? null]),
    )
  }
  return {
    headers: (scope) => part('header', scope),
    params: (scope) => part('request_parameter', scope),
    bodyData: (scope) => part('body_data', scope),
    bodyJson: (scope) => part('body_json', scope),
  }
}

export function compileOption(
  definition: PlainDict,
  name: string,
  builder: Builder,
): RequestOption | undefined {
  const option = optionalComponent(definition, name)
  return option === undefined
    ? undefined
    : compileRequestOption(option, builder, parametersOf(definition))
}

/**
 * Combines the options that a partition router adds for the partition of a slice with those that a cursor
 * adds for its bounds.
 */
export function perPartitionRequestOptions(
  router: RequestOptions,
  cursor: RequestOptions,
): RequestOptions {
  const partitionOf = (scope: RequestScope): RequestScope => ({
    ...scope,
    slice: new StreamSlice({ partition: scope.slice.partition }),
  })
  const boundsOf = (scope: RequestScope): RequestScope => ({
    ...scope,
    slice: new StreamSlice({ cursorSlice: scope.slice.cursorSlice }),
  })
  return {
    headers: (scope) => merged(router.headers(partitionOf(scope)), cursor.headers(boundsOf(scope))),
    params: (scope) => merged(router.params(partitionOf(scope)), cursor.params(boundsOf(scope))),
    bodyData: (scope) =>
      merged(form(router.bodyData(partitionOf(scope))), form(cursor.bodyData(boundsOf(scope)))),
    bodyJson: (scope) =>
      merged(router.bodyJson(partitionOf(scope)), cursor.bodyJson(boundsOf(scope))),
  }
}

function form(body: Dict | string): Dict {
  if (typeof body === 'string') throw typeError('A partition router cannot send a text as body.')
  return body
}

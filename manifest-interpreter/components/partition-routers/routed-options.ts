import { injectAll, type InjectInto, type RequestOption } from '../requesters/request-option.ts'
import { emptyDict, get } from '../../value/dict.ts'
import { truth } from '../../value/truth.ts'
import type { RequestOptions } from '../../contracts.ts'
import type { Dict, Value } from '../../value/value.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'

/** Adds nothing to requests. */
export const noOptions: RequestOptions = {
  headers: emptyDict,
  params: emptyDict,
  bodyData: emptyDict,
  bodyJson: emptyDict,
}

/** Where the values of a partition go on a request: a field of the slice, and its place. */
export interface RoutedValue {
  readonly field: () => Value
  readonly option: RequestOption | undefined
}

/**
 * Puts the values of the slice's partition into the request as the options define; empty values are left out.
 */
export function routedOptions(values: readonly RoutedValue[]): RequestOptions {
  const part =
    (injectInto: InjectInto) =>
    ({ slice }: { readonly slice: StreamSlice }): Dict =>
      injectAll(
        injectInto,
        values.map(({ field, option }) => [option, presentValue(slice, field)] as const),
      )
  return {
    headers: part('header'),
    params: part('request_parameter'),
    bodyData: part('body_data'),
    bodyJson: part('body_json'),
  }
}

function presentValue(slice: StreamSlice, field: () => Value): Value | undefined {
  const value = get(slice.merged, field())
  return truth(value) ? value : undefined
}

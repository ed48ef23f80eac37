import type { RequestScope } from '../../contracts.ts'
import type { Scope } from '../../interpolation/template-compiler.ts'
import { textEntries } from '../../value/dict.ts'
import type { Dict } from '../../value/value.ts'

/**
 * The scope of a request's templates: the configuration, the slice, the page token, and the slice's extra
 * fields by name.
 */
export function templateScope(config: Dict, { slice, nextPageToken }: RequestScope): Scope {
  return {
    config,
    stream_slice: slice,
    next_page_token: nextPageToken,
    ...Object.fromEntries(textEntries(slice.extraFields)),
  }
}

import { field, parametersOf, text } from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import { pageResponse } from './page-response.ts'
import { fixedPageSize } from './page-size.ts'
import { namesVariable } from './stop-condition-safety.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PaginationStrategy } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * CursorPagination: a template returns the token of the next page; a false one, or a true stop condition,
 * ends the paging.
 */
export function cursorPagination(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): PaginationStrategy {
  const { config, templates } = builder
  const parameters = parametersOf(definition)
  const cursorValue = text(definition, 'cursor_value')
  const stopCondition = field(definition, 'stop_condition') ?? null
  const pageSize = fixedPageSize(definition, builder)
  if (pageSize === null) requirePageSizeUnused(definition)
  const token = templates.string(cursorValue, { parameters })
  const stops =
    stopCondition === null || stopCondition === ''
      ? () => false
      : templates.boolean(stopCondition, { parameters })
  const body = pageResponse(context.decoder, [cursorValue, stopCondition])
  return {
    initialToken: () => null,
    pageSize: () => pageSize,
    async next(page): Promise<Value> {
      const scope = {
        config,
        response: await body.bodyOf(page.response),
        headers: page.response.headers.toDict(),
        last_record: page.lastRecord,
        last_page_size: page.count,
        // The requested size: a full page of a reduced size is not a short page.
        page_size: page.pageSizeOverride ?? pageSize,
        stream_slice: page.slice,
      }
      if (stops(scope)) return null
      const next = token(scope)
      return truth(next) ? next : null
    },
  }
}

/** A comparison with an unbound name is true, which would end the paging after the first page. */
function requirePageSizeUnused(definition: PlainDict): void {
  for (const name of ['stop_condition', 'cursor_value']) {
    const template = field(definition, name)
    if (typeof template === 'string' && namesVariable(template, 'page_size'))
      throw valueError(
        `The ${name} of CursorPagination reads page_size, but the strategy declares none. Add page_size to it, or compare with a value of the configuration.`,
      )
  }
}

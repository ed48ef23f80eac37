import type { Component } from '../../../manifest-interpreter/component.ts'
import { SourceError } from '../../../manifest-interpreter/contracts.ts'
import { component } from '../../../manifest-interpreter/definition.ts'
import { get } from '../../../manifest-interpreter/value/dict.ts'
import { str } from '../../../manifest-interpreter/value/text.ts'

/**
 * The strategy `pages`, for a history, which is newest first. That a channel is gone is ignored at its first
 * page. At a later one it would end the paging: the older messages would be missing, and the state would
 * cover them. The next attempt asks again which channels there are.
 */
export const wholeHistory: Component<'paginationStrategy'> = (definition, builder, context) => {
  const pages = builder.build('paginationStrategy', component(definition, 'pages'), context)
  return {
    initialToken: () => pages.initialToken(),
    pageSize: () => pages.pageSize(),
    async next(page) {
      if (!page.response.isIgnored || page.lastToken === null) return pages.next(page)
      const channel = str(get(page.slice.partition, 'channel_id') ?? '')
      throw new SourceError(
        `The channel ${channel} could not be read to its end: the app left it, or it was deleted, during the read. The stream has to be read again.`,
        { failureType: 'transient_error' },
      )
    },
  }
}

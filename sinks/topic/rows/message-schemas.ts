import type { MessageSchemas, RowForm } from './row-options.ts'

/** The schemas of the messages: to be registered, or published, before the first one. */
export function messageSchemas(form: RowForm): MessageSchemas {
  throw new Error(`to come: ${form.topic}`)
}

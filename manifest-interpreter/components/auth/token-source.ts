import { str } from '../../value/text.ts'
import type { Builder } from '../../component.ts'
import type { Dict, Value } from '../../value/value.ts'

/** Returns the current token, after a login if one is due. */
export type TokenSource = () => Promise<Value>

/** A token from the configuration. */
export function tokenFromTemplate(
  template: string,
  { config, templates }: Builder,
  parameters: Dict,
): TokenSource {
  const token = templates.string(template, { parameters })
  return () => Promise.resolve(str(token({ config })))
}

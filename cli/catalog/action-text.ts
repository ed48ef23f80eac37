import type { z } from 'zod'
import type { actionDocument } from '../../service/actions/schema.ts'
import { plainText } from '../output/plain-text.ts'
import { valueLines } from './field-lines.ts'

export type ActionDocument = z.output<typeof actionDocument>

/** Describes an action: its effect, its input and its output. `next`: lines that say how to go on. */
export function actionText(document: ActionDocument, next: string): string {
  const { name, title, effect, idempotency, dry_run: level, input, output } = document
  const confirmation = document.requires_confirmation ? 'ask somebody before it is invoked\n' : ''
  return `${name}: ${plainText(title)}
effect: ${effect}; ${repeatTexts[idempotency]}
dry-run: ${level}
${confirmation}
input
${valueLines(input)}
output
${valueLines(output)}
${next}`
}

const repeatTexts = {
  native_key: 'the vendor does a call with the same key once',
  natural: 'a repeated call changes nothing more',
  none: 'a repeated call may do it twice, or is refused because it is done',
} as const

import { z } from 'zod'
import { foreignMessage } from '../../kafka/foreign-message.ts'
import type { KafkaMessage } from '../../kafka/record-batch/message-cursor.ts'

/** The JSON of a message. Throws `log_foreign_message` if it is another one than its header `type` says. */
export function valueOf<T>(
  schema: z.ZodType<T>,
  { partition, offset, headers, value }: KafkaMessage & { readonly partition: number },
  topic: string,
): T {
  try {
    return schema.parse(JSON.parse(value?.toString() ?? ''))
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error
    const reason = `its value is not that of a ${headers.get('type') ?? ''}`
    throw foreignMessage(offset, { topic, partition }, reason)
  }
}

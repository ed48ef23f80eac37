import { z } from 'zod'
import { foreignMessage } from '../../kafka/foreign-message.ts'
import { decodeBlock, type DecodedRecord } from '../../protocol/avro/decode-block.ts'
import { fingerprintIn, unframeRecords } from '../../protocol/avro/frame-block.ts'
import type { Column } from '../../protocol/index.ts'
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

/**
 * The records that the value of a RECORD holds, their numbers with the digits that they have there; undefined
 * if they are not of these columns.
 */
export function recordsIn(
  value: Buffer,
  count: number | undefined,
  columns: readonly Column[],
): DecodedRecord[] | undefined {
  const bytes = unframeRecords(value, count, fingerprintIn(value) ?? '')
  if (bytes === undefined) return undefined
  try {
    return decodeBlock(bytes, count ?? 1, columns, 'digits')
  } catch (error) {
    // Whatever bytes another producer wrote, the decoder has an Error for.
    if (error instanceof Error) return undefined
    throw error
  }
}

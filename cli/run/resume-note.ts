import type { ErrorBody } from '../../protocol/index.ts'

/**
 * A stream that is read as a whole to replace or merge rows is read again: otherwise it would mix two states
 * of the source.
 */
export const resumeNote =
  'incremental streams and appends continue from their last checkpoint, other streams start over'

/** The same of streams that failed with these errors: their checkpoints may be what is gone. */
export function resumeNoteAfter(errors: readonly ErrorBody[]): string {
  return errors.some(haveLostCheckpoints)
    ? 'a stream whose checkpoints are gone is read from the beginning, as its error says'
    : resumeNote
}

function haveLostCheckpoints({ code, details }: ErrorBody): boolean {
  if (code === 'destination_topic_missing') return details?.holds === 'checkpoints'
  return code === 'destination_checkpoints_replaced'
}

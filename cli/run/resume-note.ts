/** A stream that is read as a whole to replace or merge rows is read again: otherwise it would mix two states of the source. */
export const resumeNote =
  'incremental streams and appends continue from their last checkpoint, other streams start over'

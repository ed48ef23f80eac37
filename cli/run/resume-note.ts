/** What is read whole to replace or merge rows would mix two moments of the source: so it is read again. */
export const resumeNote =
  'incremental streams and appends continue from their last checkpoint, other streams start over'

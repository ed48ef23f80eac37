/**
 * Whether a row `receiver` of the receivers does not have the target of a dispatch `row` any more, as a
 * condition.
 */
export const isRemoved = `NOT EXISTS (
  SELECT FROM json_array_elements(receiver.dispatch) AS present
  WHERE present ->> 'target' = row.target)`

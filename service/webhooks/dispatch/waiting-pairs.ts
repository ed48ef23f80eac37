export const dispatches = 'reactor_connect_service.webhook_dispatches'
export const unsettled = `status IN ('pending', 'running')`

/**
 * For WITH RECURSIVE: receivers and targets for which something is not settled. One look into the index for each, however many rows wait.
 */
const pair = (after: string): string => `
  SELECT receiver_id, target FROM ${dispatches}
  WHERE ${unsettled}${after} ORDER BY receiver_id, target LIMIT 1`
export const waitingPairs = `pairs AS (
  (${pair('')})
  UNION ALL
  SELECT next.receiver_id, next.target FROM pairs CROSS JOIN LATERAL (${pair(
    ' AND (receiver_id, target) > (pairs.receiver_id, pairs.target)',
  )}) AS next
)`

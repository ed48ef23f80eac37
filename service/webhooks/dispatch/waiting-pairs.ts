export const dispatches = 'reactor_connect_service.webhook_dispatches'
export const unsettled = `status IN ('pending', 'running')`

/**
 * The status of a row that is found by its `seq`. As it is, it would be the condition of the indexes of
 * waiting rows: if nothing waited when the statistics were taken, the planner reads such an index from its
 * beginning to its end for each row.
 */
export const statusIn = (row: string): string => `(${row}.status || '')`

/**
 * For WITH RECURSIVE: receivers and targets for which something is not settled. One look into the index for
 * each, however many rows wait.
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

/**
 * Values of a SELECT that a transaction runs before statements which read the first waiting rows: until
 * COMMIT, rows come in the order of an index if there is one. Statistics of a queue are always old. With
 * those of before a burst, the planner reads and sorts all rows of a receiver for each row: a claim took 20 s
 * with 20,000 waiting events of one receiver, and longer than its time limit if the 80,000 before them were
 * done (2026-11-28). `jit`: before PostgreSQL 18, what is off counts as so expensive that statements would be
 * compiled.
 */
export const plansByIndex = ['seqscan', 'bitmapscan', 'sort', 'incremental_sort']
  .map((name) => `enable_${name}`)
  .concat('jit')
  .map((name) => `set_config('${name}', 'off', true)`)
  .join(', ')

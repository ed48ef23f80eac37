/**
 * Stands in place of a secret in every text for people: errors, logs, statuses, what `connect source try`
 * shows.
 */
export const secretMask = '***'

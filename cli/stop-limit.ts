/**
 * Milliseconds. A worker that hangs is ended after 30 s, and so is a call of the destination. Anything else
 * that does not respond (a broker) must not keep the process running.
 */
export const stopLimitMs = 42_000

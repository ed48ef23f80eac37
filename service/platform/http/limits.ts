export const bodyLimitBytes = 1024 * 1024

/** Deeper than any configuration; shallower than what makes a recursive walk overflow the stack. */
export const maxBodyDepth = 64

/**
 * A request that has not responded by then is abandoned; check and discover query slow systems. Event streams
 * have no such limit.
 */
export const handlerTimeoutMs = 120_000

/** Time for a whole request to arrive. */
export const defaultReceiveTimeoutMs = 30_000
/** How often the server looks for requests that come too slowly. */
export const checkTimeoutsMs = 5_000

/** Time for the responses in progress when the server closes. */
export const defaultCloseTimeoutMs = 5_000
export const lookForIdleMs = 50

/** Longer than any API key or JWT of a sensible header: a longer one is not checked. */
export const maxTokenLength = 8192

/** In one error. A longer list helps nobody and could be made as long as the body. */
export const maxProblems = 10
/** In characters: a problem lists the unknown properties. */
export const maxProblemLength = 300

/** For this process. 0: no limit. */
export interface RateLimits {
  /** For one principal. */
  readonly requestsPerMinute: number
  /** Wrong tokens from one address. */
  readonly failedLoginsPerMinute: number
}

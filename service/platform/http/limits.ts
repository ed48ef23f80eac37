export const bodyLimitBytes = 1024 * 1024

/** Deeper than any configuration; shallower than what makes a recursive walk overflow the stack. */
export const maxBodyDepth = 64

/** What has not answered by then is given up; check and discover ask slow systems. Event streams are not timed. */
export const handlerTimeoutMs = 120_000

/** For the whole of a request to arrive. */
export const defaultReceiveTimeoutMs = 30_000
/** How often requests that come too slowly are looked for. */
export const checkTimeoutsMs = 5_000

/** For the responses under way when the server closes. */
export const defaultCloseTimeoutMs = 5_000
export const lookForIdleMs = 50

/** Longer than any API key or JWT that fits a sensible head: what is longer is not looked at. */
export const maxTokenLength = 8192

/** In one error. A longer list helps nobody and can be made as long as the body. */
export const maxProblems = 10
/** In characters: a problem names the properties that are unknown. */
export const maxProblemLength = 300

/** Of this process. 0: no limit. */
export interface RateLimits {
  /** Of one principal. */
  readonly requestsPerMinute: number
  /** Wrong tokens from one address. */
  readonly failedLoginsPerMinute: number
}

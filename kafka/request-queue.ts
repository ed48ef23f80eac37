import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'

const { scheduleCheckPendingRequests } = RequestQueue.prototype

/**
 * kafkajs 2.2.4 checks throttled requests by a timer with a negative delay, which Node turns into 1 ms and a
 * warning: every idle connection wakes up a thousand times a second. Nothing needs checking while nothing is
 * pending, and a new pending request schedules the check itself. May be called often.
 */
export function calmRequestQueues(): void {
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this)
  }
}

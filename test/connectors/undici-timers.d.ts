/**
 * Complements manifest-interpreter/http/undici-internals.d.ts: the parts of undici, which is pinned, that
 * only tests need.
 */
declare module 'undici/lib/util/timers.js' {
  const timers: {
    /** Lets its clock go on at once, and its timers fire. */
    tick(delayMs?: number): void
  }
  export { timers as default }
}

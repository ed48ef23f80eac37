/** Beside manifest-interpreter/http/undici-internals.d.ts: what only tests need of undici, which is pinned. */
declare module 'undici/lib/util/timers.js' {
  const timers: {
    /** Lets its clock go on at once, and its timers fire. */
    tick(delayMs?: number): void
  }
  export { timers as default }
}

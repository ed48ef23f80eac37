/** Records as JSON objects, as they stand in bytes that are UTF-8. */
export interface JsonObjects {
  readonly bytes: Uint8Array
  /** Where each begins and where it ends, one after the other. */
  readonly bounds: readonly number[]
}
